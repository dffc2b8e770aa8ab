//! Random bits that are a pure function of where they are used: no generator has a state, so neither threads nor an
//! interruption can change a bit.

/// The random numbers of one tensor in one step, for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stream(u64);

/// What a [`Stream`] is used for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    State = 1,
    Weights = 2,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64 (Steele, Lea & Flood, 2014).
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The next number of the stream of SplitMix64.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN);
    mix(*state)
}

/// Number `counter`, from 0, of the stream that begins in the state `key`: also the key of another stream.
pub fn at(key: u64, counter: u64) -> u64 {
    mix(key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// Draws that are numbered: each is a pure function of seed, purpose, number and its place, so that neither threads nor the order of
/// work can change a bit.
#[derive(Debug, Clone)]
pub struct Draws {
    key: u64,
    counter: u64,
}

impl Draws {
    /// Those of a seed for a purpose, and there of a number.
    pub fn new(seed: u64, purpose: u64, number: u64) -> Self {
        Self { key: at(at(seed, purpose), number), counter: 0 }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.counter += 1;
        at(self.key, self.counter - 1)
    }

    /// In (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A whole number in `0..bound`, each equally likely (Lemire 2019). `bound` is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as usize;
            }
        }
    }
}

/// A number for a tensor's name: what its random numbers are keyed by, so that the order of tensors does not matter.
pub(crate) fn name_key(name: &str) -> u64 {
    // FNV-1a
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

impl Stream {
    pub fn new(seed: u64, tensor: u64, step: u64, purpose: Purpose) -> Self {
        let words = [seed, tensor, step, purpose as u64];
        Self(words.into_iter().fold(GOLDEN, |h, word| mix(h ^ mix(word.wrapping_add(GOLDEN)))))
    }

    /// The numbers from `element` on, up to the next multiple of 2³².
    pub fn from(self, element: usize) -> Dither {
        self.key(element).skip(element)
    }

    /// Those of lanes that each hold two elements, from the lane of `element` on.
    pub fn lanes_from(self, element: usize) -> Dither {
        self.key(element).skip(element as u32 as usize / 2)
    }

    fn key(self, element: usize) -> Dither {
        let key = mix(self.0.wrapping_add((element as u64 >> 32).wrapping_mul(GOLDEN)));
        Dither { key: key as u32, step: (key >> 32) as u32 | 1 }
    }
}

/// What the Weyl sequence of a run's words goes up by.
const WEYL: u32 = 0x9E37_79B1;

/// Random words for a run of elements.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Dither {
    key: u32,
    /// From one set of words to the next.
    step: u32,
}

impl Dither {
    /// The word of the `i`-th element of the run.
    #[inline(always)]
    pub(crate) fn word(self, i: usize) -> u32 {
        // a Weyl sequence, and one round of multiplying: with vector registers, five instructions
        let x = (i as u32).wrapping_mul(WEYL).wrapping_add(self.key);
        (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B)
    }

    /// The words from the `i`-th element of the run on.
    #[inline(always)]
    pub(crate) fn skip(self, i: usize) -> Self {
        Self { key: self.key.wrapping_add((i as u32).wrapping_mul(WEYL)), ..self }
    }

    /// Other words for the same elements, for each `n`.
    #[inline(always)]
    pub(crate) fn again(self, n: u32) -> Self {
        Self { key: self.key.wrapping_add(self.step.wrapping_mul(n)), ..self }
    }
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

    #[test]
    fn draws_are_the_numbers_of_their_stream() {
        let mut draws = Draws::new(1, 2, 3);
        let key = at(at(1, 2), 3);
        assert_eq!((draws.bits(), draws.bits()), (at(key, 0), at(key, 1)));
        let mut counts = [0u32; 7];
        (0..70_000).for_each(|_| counts[draws.below(7)] += 1);
        // the standard deviation of a count is 93; five of them
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 465), "{counts:?}");
        let mean = (0..10_000).map(|_| draws.uniform()).sum::<f64>() / 1e4;
        // a standard error of 0.0029
        assert!((mean - 0.5).abs() < 0.015, "{mean}");
    }

    #[test]
    fn words_depend_on_everything_they_are_keyed_by_and_on_nothing_else() {
        let word =
            |seed, name, step, purpose, i| Stream::new(seed, name_key(name), step, purpose).from(i).word(0);
        let base = word(1, "a", 5, Purpose::State, 7);
        assert_eq!(base, word(1, "a", 5, Purpose::State, 7));
        assert_eq!(base, Stream::new(1, name_key("a"), 5, Purpose::State).from(3).word(4));
        let others = [
            word(2, "a", 5, Purpose::State, 7),
            word(1, "b", 5, Purpose::State, 7),
            word(1, "a", 6, Purpose::State, 7),
            word(1, "a", 5, Purpose::Weights, 7),
            word(1, "a", 5, Purpose::State, 8),
            word(1, "a", 5, Purpose::State, 7 + (1 << 32)),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn both_parts_of_a_word_are_uniform_along_elements_and_along_steps() {
        const N: u64 = 1 << 16;
        let along_elements = |i: u64| Stream::new(3, 9, 1, Purpose::State).from(0).word(i as usize);
        let along_steps = |i: u64| Stream::new(3, 9, i, Purpose::State).from(12).word(0);
        for (draw, name) in [(&along_elements as &dyn Fn(u64) -> u32, "elements"), (&along_steps, "steps")] {
            for shift in [0, 12] {
                let mut counts = [0u64; 256];
                let (mut sum, mut before, mut product) = (0.0, 0.5, 0.0);
                for i in 0..N {
                    let x = (draw(i) >> shift) & 0xF_FFFF;
                    counts[(x >> 12) as usize] += 1;
                    let u = f64::from(x) / 1_048_576.0;
                    sum += u;
                    product += (u - 0.5) * (before - 0.5);
                    before = u;
                }
                let expected = N as f64 / 256.0;
                let chi: f64 = counts.iter().map(|c| (*c as f64 - expected).powi(2) / expected).sum();
                // 255 degrees of freedom: mean 255, standard deviation 23
                assert!((170.0..360.0).contains(&chi), "{name} {shift}: {chi}");
                assert!((sum / N as f64 - 0.5).abs() < 0.005, "{name} {shift}: {sum}");
                // neighbours are not correlated: 1/12 times a standard error of 1/256
                assert!((product / N as f64).abs() < 5.0 / 12.0 / 256.0, "{name} {shift}: {product}");
            }
        }
    }
}
