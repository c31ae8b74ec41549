//! What came before and comes again: earlier places that start like the present one, and how long they go on alike.
//!
//! Two chains link each place to earlier ones, one to those that share its next 4 bytes, one to those that share 8. Source code
//! repeats short words everywhere; the second chain finds the long repetitions among them in a few steps, where the first alone
//! would take dozens. Links are made ahead, a stretch at a time, in a loop that does nothing else.

/// How far back DEFLATE looks.
pub(crate) const WINDOW: usize = 32 * 1024;
/// The longest match that DEFLATE knows.
pub(crate) const MOST: usize = 258;
/// Matches are looked for only where this many bytes follow.
pub(crate) const AHEAD: usize = 8;
/// Places that are linked at a time. With the window they stay below [`RING`], so that no link in use is overwritten.
pub(crate) const STRETCH: usize = 16 * 1024;

const RING: usize = 1 << 16;
const HEAD_BITS: u32 = 16;
const HEADS: usize = 1 << HEAD_BITS;

/// How hard to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Steps along the chain of 4 bytes.
    pub(crate) short_steps: u32,
    /// Steps along the chain of 8 bytes.
    pub(crate) long_steps: u32,
    /// A match shorter than this is given up for a better one at the next place.
    pub(crate) lazy_below: usize,
}

/// An earlier place with the same bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// 0 for none.
    pub(crate) length: usize,
    pub(crate) distance: usize,
}

/// Finds matches in one piece of data after the other.
///
/// Places are kept modulo 2^16; what is found is compared, so that a wrong one does no harm.
pub(crate) struct Finder {
    /// The last place by hash of 4 bytes, and of 8.
    short_heads: Box<[u16; HEADS]>,
    long_heads: Box<[u16; HEADS]>,
    /// The places before, by place: the one that shares 4 bytes in the low half, the one that shares 8 in the high half.
    links: Box<[u32; RING]>,
    linked: usize,
    effort: Effort,
}

impl Finder {
    pub(crate) fn new(effort: Effort) -> Self {
        Self {
            short_heads: boxed(),
            long_heads: boxed(),
            links: boxed(),
            linked: 0,
            effort,
        }
    }

    /// Forget what was linked: what is found must not depend on the data before.
    pub(crate) fn reset(&mut self) {
        self.short_heads.fill(0);
        self.long_heads.fill(0);
        self.linked = 0;
    }

    /// Link all places before `to`; [`AHEAD`] bytes must follow each.
    pub(crate) fn link(&mut self, data: &[u8], to: usize) {
        if to <= self.linked {
            return;
        }
        let bytes = &data[self.linked..to + AHEAD - 1];
        if bytes[1..] == bytes[..bytes.len() - 1] {
            self.link_run(data, to);
        } else {
            self.link_each(data, to);
        }
    }

    /// Sparse and padded files are long runs of one byte: each place but the first goes on like the one before it.
    fn link_run(&mut self, data: &[u8], to: usize) {
        let first = self.linked;
        self.link_each(data, first + 1);
        for place in first + 1..to {
            let before = u32::from((place - 1) as u16);
            self.links[place & (RING - 1)] = before | before << 16;
        }
        let here = eight(data, first);
        let last = (to - 1) as u16;
        self.short_heads[hash::<4>(here)] = last;
        self.long_heads[hash::<8>(here)] = last;
        self.linked = to;
    }

    #[inline(always)]
    fn link_each(&mut self, data: &[u8], to: usize) {
        for (index, bytes) in data[self.linked..to + AHEAD - 1].windows(AHEAD).enumerate() {
            let here = eight(bytes, 0);
            let place = (self.linked + index) as u16;
            let short = std::mem::replace(&mut self.short_heads[hash::<4>(here)], place);
            let long = std::mem::replace(&mut self.long_heads[hash::<8>(here)], place);
            self.links[usize::from(place)] = u32::from(short) | u32::from(long) << 16;
        }
        self.linked = to;
    }

    /// The best match at `place`, which must be linked, if it is longer than `beyond` bytes; the nearest of the longest.
    #[inline(always)]
    pub(crate) fn find(&self, data: &[u8], place: usize, beyond: usize) -> Match {
        let here = eight(data, place);
        let most = (data.len() - place).min(MOST);
        if beyond >= most {
            return Match::default();
        }
        let farthest = place.min(WINDOW);
        let links = self.links[place & (RING - 1)];
        let mut best = Match {
            length: beyond,
            distance: 0,
        };
        let mut try_at = |distance: usize| {
            let start = place - distance;
            let different = eight(data, start) ^ here;
            if different != 0 {
                let length = different.trailing_zeros() as usize / 8;
                if length > best.length {
                    best = Match { length, distance };
                }
            } else {
                let length = alike(data, start, place, most);
                if length > best.length {
                    best = Match { length, distance };
                }
            }
            best.length
        };
        let long = |links: u32| (links >> 16) as u16;
        let length = self.follow(
            place,
            farthest,
            links,
            self.effort.long_steps,
            long,
            &mut try_at,
        );
        if length.max(beyond) < 8 {
            let short = |links: u32| links as u16;
            self.follow(
                place,
                farthest,
                links,
                self.effort.short_steps,
                short,
                &mut try_at,
            );
        }
        match best.distance {
            0 => Match::default(),
            _ => best,
        }
    }

    #[inline(always)]
    fn follow(
        &self,
        place: usize,
        farthest: usize,
        links: u32,
        steps: u32,
        half: impl Fn(u32) -> u16,
        try_at: &mut impl FnMut(usize) -> usize,
    ) -> usize {
        let (mut before, mut last, mut best) = (half(links), 0, 0);
        for _ in 0..steps {
            let distance = usize::from((place as u16).wrapping_sub(before));
            // The chain's end shows in places that do not go on backwards.
            if distance <= last || distance > farthest {
                break;
            }
            last = distance;
            best = try_at(distance);
            before = half(self.links[usize::from(before)]);
        }
        best
    }
}

fn boxed<T: Copy + Default, const LENGTH: usize>() -> Box<[T; LENGTH]> {
    let zeros = vec![T::default(); LENGTH].into_boxed_slice();
    zeros
        .try_into()
        .unwrap_or_else(|_| Box::new([T::default(); LENGTH]))
}

#[inline(always)]
fn hash<const BYTES: u32>(bytes: u64) -> usize {
    ((bytes << (64 - 8 * BYTES)).wrapping_mul(0x9E37_79B1_85EB_CA87) >> (64 - HEAD_BITS)) as usize
}

#[inline(always)]
fn eight(data: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&data[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// How many bytes after `start` are those after `place`, at most `most`; the first 8 are.
#[inline(always)]
fn alike(data: &[u8], start: usize, place: usize, most: usize) -> usize {
    let mut length = 8;
    while length + 8 <= most {
        let different = eight(data, start + length) ^ eight(data, place + length);
        if different != 0 {
            return length + different.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    while length < most && data[start + length] == data[place + length] {
        length += 1;
    }
    length
}
