//! Prefix codes: lengths from frequencies, and codes from lengths (RFC 1951, 3.2.2).

/// The code of one symbol, ready to be written: least significant bit first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) bits: u32,
    pub(crate) length: u32,
}

/// Fill `lengths` with those of an optimal code for `frequencies`, cut to `limit` bits.
///
/// At least two symbols get a code, because some readers refuse a code that is not complete.
pub(crate) fn code_lengths(frequencies: &[u32], limit: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut symbols: Vec<(u32, u16)> = frequencies
        .iter()
        .enumerate()
        .filter(|(_, frequency)| **frequency > 0)
        .map(|(symbol, frequency)| (*frequency, symbol as u16))
        .collect();
    for (symbol, frequency) in frequencies.iter().enumerate().take(2) {
        if symbols.len() < 2 && *frequency == 0 {
            symbols.push((1, symbol as u16));
        }
    }
    symbols.sort_unstable();
    let depths = tree_depths(&symbols);
    let mut counts = [0_u32; 16];
    for depth in depths {
        counts[depth.min(limit)] += 1;
    }
    shorten(&mut counts, limit);
    // The rarest symbols come first and get the longest codes.
    let mut symbols = symbols.iter();
    for length in (1..=limit).rev() {
        for (_, symbol) in symbols.by_ref().take(counts[length] as usize) {
            lengths[usize::from(*symbol)] = length as u8;
        }
    }
}

/// Depths of the leaves of the optimal tree over two or more sorted weights: a queue of leaves and one of inner nodes.
fn tree_depths(symbols: &[(u32, u16)]) -> Vec<usize> {
    let leaves = symbols.len();
    let mut weights: Vec<u64> = symbols
        .iter()
        .map(|(weight, _)| u64::from(*weight))
        .collect();
    let mut parents = vec![0_usize; 2 * leaves - 1];
    let (mut leaf, mut inner) = (0, leaves);
    for node in leaves..2 * leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let is_leaf = leaf < leaves && (inner == node || weights[leaf] <= weights[inner]);
            let child = if is_leaf { &mut leaf } else { &mut inner };
            weight += weights[*child];
            parents[*child] = node;
            *child += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0_usize; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(leaves);
    depths
}

/// Make room in a code whose longest codes were cut to `limit`: each step lengthens the longest code that can be.
fn shorten(counts: &mut [u32; 16], limit: usize) {
    let taken = |counts: &[u32; 16]| -> u64 {
        (1..=limit)
            .map(|length| u64::from(counts[length]) << (limit - length))
            .sum()
    };
    let mut excess = taken(counts).saturating_sub(1 << limit);
    while excess > 0 {
        let Some(length) = (1..limit).rev().find(|length| counts[*length] > 0) else {
            return;
        };
        counts[limit] -= 1;
        counts[length] -= 1;
        counts[length + 1] += 2;
        excess -= 1;
    }
}

/// The codes of given lengths; unused symbols get the empty one.
pub(crate) fn codes<const SYMBOLS: usize>(lengths: &[u8; SYMBOLS]) -> [Code; SYMBOLS] {
    let mut counts = [0_u16; 16];
    for length in lengths.iter().filter(|length| **length > 0) {
        counts[usize::from(*length)] += 1;
    }
    let mut next = [0_u16; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    let mut codes = [Code::default(); SYMBOLS];
    for (code, length) in codes.iter_mut().zip(lengths) {
        if *length > 0 {
            let value = &mut next[usize::from(*length)];
            code.bits = u32::from(value.reverse_bits() >> (16 - u32::from(*length)));
            code.length = u32::from(*length);
            *value = value.wrapping_add(1);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::{code_lengths, codes};

    fn lengths_of(frequencies: &[u32], limit: usize) -> Vec<u8> {
        let mut lengths = vec![0; frequencies.len()];
        code_lengths(frequencies, limit, &mut lengths);
        lengths
    }

    /// What the codes take of all that there are, in units of the shortest possible one.
    fn taken(lengths: &[u8], limit: usize) -> u64 {
        let used = lengths.iter().filter(|length| **length > 0);
        used.map(|length| 1 << (limit - usize::from(*length))).sum()
    }

    #[test]
    fn codes_are_complete_and_within_the_limit() {
        let fibonacci: Vec<u32> = (0..30)
            .scan((1, 1), |state, _| {
                *state = (state.1, state.0 + state.1);
                Some(state.0)
            })
            .collect();
        for frequencies in [
            vec![0; 30],
            vec![0, 0, 7],
            vec![5, 0, 0],
            vec![1; 286],
            fibonacci.clone(),
        ] {
            for limit in [7, 15] {
                if frequencies.len() > 1 << limit {
                    continue;
                }
                let lengths = lengths_of(&frequencies, limit);
                assert_eq!(1 << limit, taken(&lengths, limit), "{frequencies:?}");
                assert!(lengths.iter().all(|length| usize::from(*length) <= limit));
                for (frequency, length) in frequencies.iter().zip(&lengths) {
                    assert!(*frequency == 0 || *length > 0);
                }
            }
        }
        assert_eq!(29, fibonacci.len() - 1);
    }

    #[test]
    fn frequent_symbols_are_short() {
        assert_eq!(vec![1, 2, 3, 3], lengths_of(&[8, 4, 2, 1], 15));
        assert_eq!(vec![2, 2, 2, 2], lengths_of(&[8, 4, 2, 1], 2));
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        // RFC 1951, 3.2.2: lengths (3, 3, 3, 3, 3, 2, 4, 4).
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let bits: Vec<u32> = codes
            .iter()
            .map(|code| code.bits.reverse_bits() >> (32 - code.length))
            .collect();
        assert_eq!(
            vec![0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111],
            bits
        );
    }
}
