//! Random bits without hidden state: SplitMix64 (Steele, Lea and Flood 2014) as a stream and as a function of counters.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The next number of the stream.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN);
    mix(*state)
}

/// Number `counter`, from 0, of the stream that begins in the state `key`: also the key of another stream.
pub(crate) fn at(key: u64, counter: u64) -> u64 {
    mix(key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_name_the_numbers_of_the_stream() {
        // the first numbers that the authors' program gives for seed 0
        let known = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        let mut state = 0;
        for (i, x) in (0..).zip(known) {
            assert_eq!((split_mix(&mut state), at(0, i)), (x, x));
        }
    }
}
