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
const HEAD_BITS: u32 = 15;

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
pub(crate) struct Finder {
    short: Chain<4>,
    long: Chain<8>,
    linked: usize,
    effort: Effort,
}

impl Finder {
    pub(crate) fn new(effort: Effort) -> Self {
        Self {
            short: Chain::new(),
            long: Chain::new(),
            linked: 0,
            effort,
        }
    }

    /// Forget what was linked: what is found must not depend on the data before.
    pub(crate) fn reset(&mut self) {
        self.short.heads.fill(0);
        self.long.heads.fill(0);
        self.linked = 0;
    }

    /// Link all places before `to`; [`AHEAD`] bytes must follow each.
    pub(crate) fn link(&mut self, data: &[u8], to: usize) {
        if to > self.linked {
            self.short.link(data, self.linked, to);
            self.long.link(data, self.linked, to);
            self.linked = to;
        }
    }

    /// The best match at `place`, which must be linked, if it is longer than `beyond` bytes; the nearest of the longest.
    #[inline(always)]
    pub(crate) fn find(&self, data: &[u8], place: usize, beyond: usize) -> Match {
        let here = eight(data, place);
        let mut search = Search {
            data,
            place,
            here,
            most: (data.len() - place).min(MOST),
            farthest: place.min(WINDOW),
            length: beyond,
            distance: 0,
        };
        self.long.follow(&mut search, self.effort.long_steps);
        if search.length < 8 {
            self.short.follow(&mut search, self.effort.short_steps);
        }
        match search.distance {
            0 => Match::default(),
            distance => Match {
                length: search.length,
                distance,
            },
        }
    }
}

struct Search<'a> {
    data: &'a [u8],
    place: usize,
    here: u64,
    most: usize,
    farthest: usize,
    length: usize,
    distance: usize,
}

impl Search<'_> {
    #[inline(always)]
    fn try_at(&mut self, distance: usize) {
        let start = self.place - distance;
        let different = eight(self.data, start) ^ self.here;
        let length = match different {
            0 => alike(self.data, start, self.place, self.most),
            _ => different.trailing_zeros() as usize / 8,
        };
        if length > self.length {
            self.length = length;
            self.distance = distance;
        }
    }
}

/// Places that share `BYTES` bytes. Places are kept modulo 2^16; what is found is compared, so that a wrong one does no harm.
struct Chain<const BYTES: u32> {
    /// The last place by hash.
    heads: Vec<u16>,
    /// The place before, by place.
    links: Box<[u16; RING]>,
}

impl<const BYTES: u32> Chain<BYTES> {
    fn new() -> Self {
        let links = vec![0; RING].into_boxed_slice();
        Self {
            heads: vec![0; 1 << HEAD_BITS],
            links: links.try_into().unwrap_or_else(|_| Box::new([0; RING])),
        }
    }

    fn link(&mut self, data: &[u8], from: usize, to: usize) {
        let heads = &mut self.heads[..1 << HEAD_BITS];
        for (index, bytes) in data[from..to + AHEAD - 1].windows(AHEAD).enumerate() {
            let hash = hash::<BYTES>(eight(bytes, 0)) & ((1 << HEAD_BITS) - 1);
            let place = (from + index) as u16;
            self.links[usize::from(place)] = std::mem::replace(&mut heads[hash], place);
        }
    }

    #[inline(always)]
    fn follow(&self, search: &mut Search<'_>, steps: u32) {
        let place = search.place as u16;
        let mut before = self.links[usize::from(place)];
        let mut last = 0;
        for _ in 0..steps {
            let distance = usize::from(place.wrapping_sub(before));
            // The chain's end shows in places that do not go on backwards.
            if distance <= last || distance > search.farthest {
                return;
            }
            last = distance;
            search.try_at(distance);
            before = self.links[usize::from(before)];
        }
    }
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
