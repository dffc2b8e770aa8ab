//! State in few bytes: eight bits for a number, in groups that share a scale.
//!
//! A code is a small floating-point number with 4 bits of exponent. Of an [`Average`](Holds::Average) it has a sign and 3 bits
//! of mantissa; of a [`Square`](Holds::Square), which has no sign, 4. A group of 128 elements shares the exponent of its largest:
//! one byte more. So numbers keep a relative precision of 1/8 to 1/16, and squares of 1/16 to 1/32, over a range of 2¹⁶ below
//! the largest of their group. Squares have the finer codes because they move so little in a step, a thousandth as a rule: what
//! they lose by rounding is a random walk, whose steps must be small.
//!
//! Two things make this stable for averages. Numbers are rounded at random, up or down with the probability that keeps their
//! expectation: to the nearest, an average that moves by a thousandth of itself in a step would never move at all. And scales
//! are powers of two, so a number that does not change is not rounded again when its neighbours change.
//!
//! Everything here is integer arithmetic on the bits of f32: the same on every processor, and a dozen instructions.

use crate::rule::Holds;

/// Elements that share a scale.
pub(crate) const GROUP: usize = 128;

/// The scale of a group that holds a number that is not finite. All its codes are [`BROKEN_CODE`], which with this scale are
/// NaN.
const BROKEN: u8 = 255;
const BROKEN_CODE: u8 = 255;
/// The smallest scale: below it the smallest codes would not be normal numbers.
const SMALLEST: u8 = 32;
/// Sizes from here on, as bits, count as not finite: rounded up they might be.
const TOO_LARGE: u32 = 0x7F70_0000;
/// Binades between the largest codes and the smallest.
const BINADES: u8 = 15;

/// Bits of f32's mantissa that a code does not have.
#[inline(always)]
const fn dropped(holds: Holds) -> u32 {
    if matches!(holds, Holds::Square) { 19 } else { 20 }
}

/// The bits of the number whose code would be 0 if 0 did not stand for zero.
#[inline(always)]
fn base(scale: u8) -> u32 {
    // the largest codes have the exponent `scale`; subtracted in 8 bits, or it would be subtracted for each element
    u32::from(scale.wrapping_sub(BINADES)) << 23
}

/// The size of a number that is kept, as bits. What holds squares has no sign; were it negative, it would be too large.
#[inline(always)]
fn size(holds: Holds, x: f32) -> u32 {
    if matches!(holds, Holds::Square) { x.to_bits() } else { x.to_bits() & 0x7FFF_FFFF }
}

#[inline(always)]
fn number(holds: Holds, code: u8, base: u32) -> f32 {
    if matches!(holds, Holds::Square) {
        let bits = (u32::from(code) << dropped(holds)).wrapping_add(base);
        f32::from_bits(if code == 0 { 0 } else { bits })
    } else {
        // the sign is extended to the top, and the copies of it in between are taken away
        let wide = i32::from(code.cast_signed()).cast_unsigned() << dropped(holds);
        let bits = (wide & 0x87F0_0000).wrapping_add(base);
        f32::from_bits(if code & 0x7F == 0 { 0 } else { bits })
    }
}

/// `random` is of as many bits as are [`dropped`].
#[inline(always)]
fn code(holds: Holds, x: f32, base: u32, random: u32) -> u8 {
    let code = size(holds, x).wrapping_sub(base).wrapping_add(random).cast_signed() >> dropped(holds);
    if matches!(holds, Holds::Square) {
        // a square that is not zero never becomes zero: something may be divided by its root
        code.max(x.to_bits().min(1).cast_signed()) as u8
    } else {
        (code.max(0).cast_unsigned() | ((x.to_bits() >> 24) & 0x80)) as u8
    }
}

/// Which bits of a random word round a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    High,
    Low,
}

impl Part {
    #[inline(always)]
    fn of(self, word: u32, bits: u32) -> u32 {
        // the few bits that both have are the least of one of them
        if self == Self::High { word >> (32 - bits) } else { word & ((1 << bits) - 1) }
    }
}

/// An index, which with `ONE` the compiler cannot see through: the loop stays one over single numbers.
#[inline(always)]
pub(crate) fn place<const ONE: bool>(i: usize) -> usize {
    if ONE { std::hint::black_box(i) } else { i }
}

/// The numbers of at most one group.
#[inline(always)]
pub(crate) fn decode<const ONE: bool>(holds: Holds, codes: &[u8], scale: u8, into: &mut [f32]) {
    let n = into.len().min(codes.len());
    let (codes, into) = (&codes[..n], &mut into[..n]);
    let base = base(scale);
    // the question what it holds outside the loop, so that the loop becomes vector code
    if matches!(holds, Holds::Square) {
        for i in 0..n {
            let i = place::<ONE>(i);
            into[i] = number(Holds::Square, codes[i], base);
        }
    } else {
        for i in 0..n {
            let i = place::<ONE>(i);
            into[i] = number(Holds::Average, codes[i], base);
        }
    }
}

/// Writes the codes of at most one group, and returns its scale. A part of each of `words` rounds.
#[inline(always)]
pub(crate) fn encode<const ONE: bool>(
    holds: Holds,
    values: &[f32],
    words: &[u32],
    part: Part,
    codes: &mut [u8],
) -> u8 {
    let n = values.len().min(codes.len()).min(words.len());
    let (values, words, codes) = (&values[..n], &words[..n], &mut codes[..n]);
    let mut largest = 0;
    for i in 0..n {
        largest = largest.max(size(holds, values[place::<ONE>(i)]));
    }
    if largest >= TOO_LARGE {
        for i in 0..n {
            codes[place::<ONE>(i)] = BROKEN_CODE;
        }
        return BROKEN;
    }
    // the exponent after rounding up, so that no code is too large
    let scale = (((largest + ((1 << dropped(holds)) - 1)) >> 23) as u8).max(SMALLEST);
    let base = base(scale);
    if matches!(holds, Holds::Square) {
        for i in 0..n {
            let i = place::<ONE>(i);
            codes[i] = code(Holds::Square, values[i], base, part.of(words[i], dropped(Holds::Square)));
        }
    } else {
        for i in 0..n {
            let i = place::<ONE>(i);
            codes[i] = code(Holds::Average, values[i], base, part.of(words[i], dropped(Holds::Average)));
        }
    }
    scale
}

/// Writes codes and scales of an array whose elements are all `value`, to the nearest.
pub(crate) fn fill(holds: Holds, value: f64, codes: &mut [u8], scales: &mut [u8]) {
    let (values, words) = ([value as f32; GROUP], [1 << (dropped(holds) - 1); GROUP]);
    for (codes, scale) in codes.chunks_mut(GROUP).zip(scales) {
        *scale = encode::<false>(holds, &values[..codes.len()], &words, Part::Low, codes);
    }
}

/// The numbers from `start` on, which may lie anywhere in a group.
pub(crate) fn read(holds: Holds, codes: &[u8], scales: &[u8], start: usize, into: &mut [f32]) {
    let mut done = 0;
    while done < into.len() {
        let at = start + done;
        let n = (GROUP - at % GROUP).min(into.len() - done);
        decode::<false>(holds, &codes[at..at + n], scales[at / GROUP], &mut into[done..done + n]);
        done += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(holds: Holds, values: &[f32], word: u32) -> Vec<f32> {
        let mut codes = vec![0; values.len()];
        let scale = encode::<false>(holds, values, &vec![word; values.len()], Part::Low, &mut codes);
        let mut back = vec![0.0; values.len()];
        decode::<false>(holds, &codes, scale, &mut back);
        back
    }

    #[test]
    fn every_code_of_every_scale_comes_back_whatever_the_random_word() {
        for holds in [Holds::Average, Holds::Square] {
            for scale in SMALLEST..=253 {
                for group in 0..4u8 {
                    // the largest code keeps the scale what it is
                    let mut codes: Vec<u8> = (0..63).map(|i| group * 64 + i).collect();
                    if holds == Holds::Average {
                        // minus zero is read as zero
                        codes.iter_mut().filter(|code| **code == 128).for_each(|code| *code = 0);
                    }
                    codes.push(if holds == Holds::Square { 255 } else { 127 });
                    let mut values = vec![0.0; 64];
                    decode::<false>(holds, &codes, scale, &mut values);
                    for word in [0, 1, 0x7_FFFF, u32::MAX] {
                        let mut again = vec![0; 64];
                        assert_eq!(
                            encode::<false>(holds, &values, &[word; 64], Part::High, &mut again),
                            scale
                        );
                        assert_eq!(again, codes, "{holds:?} {scale} {word:#x}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_lies_between_its_two_roundings_and_meets_them_with_the_right_share() {
        for (holds, finest) in [(Holds::Average, 0.125), (Holds::Square, 0.0625)] {
            for exponent in -14..0 {
                for step in 0..32 {
                    let x = (1.0 + step as f32 / 32.0 + 0.013) * 2f32.powi(exponent);
                    let down = round_trip(holds, &[x, 1.0], 0)[0];
                    let up = round_trip(holds, &[x, 1.0], 0xF_FFFF)[0];
                    assert!(down <= x && x <= up && up - down <= x * finest + 1e-9, "{x}: {down} {up}");
                    let words = if holds == Holds::Square { 0x7_FFFF } else { 0xF_FFFF };
                    let mean = (0..=words as u32)
                        .step_by((words as usize + 1) / 256)
                        .map(|word| f64::from(round_trip(holds, &[x, 1.0], word)[0]))
                        .sum::<f64>()
                        / 256.0;
                    let gap = f64::from(up - down);
                    assert!((mean - f64::from(x)).abs() <= 0.01 * gap, "{x}: {mean}, {down} to {up}");
                }
            }
        }
    }

    #[test]
    fn signs_and_zeros_are_kept_and_squares_never_vanish() {
        let values = [1.0, -1.0, 0.0, -0.0, 1e-12, -1e-12];
        let back = round_trip(Holds::Average, &values, 0x8_0000);
        assert_eq!(back, [1.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        let back = round_trip(Holds::Square, &[1.0, 0.0, 1e-30, 1e-4], 0);
        assert_eq!(back[1], 0.0);
        assert!(back[2] > 0.0 && back[2] < 4e-5);
        assert!((back[3] / 1e-4 - 1.0).abs() < 0.0625);
        // a group of tiny numbers is stored below the smallest scale, but not as zero
        assert!(round_trip(Holds::Square, &[1e-38, f32::MIN_POSITIVE], 0).iter().all(|x| *x > 0.0));
    }

    #[test]
    fn what_is_not_finite_breaks_its_group_and_no_other() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let back = round_trip(Holds::Average, &[1.0, bad, 0.0], 0);
            assert!(back.iter().all(|x| x.is_nan()), "{bad}: {back:?}");
        }
        let largest = f32::from_bits(TOO_LARGE - 1);
        assert!(round_trip(Holds::Average, &[largest, 1.0], 0xF_FFFF)[0].is_finite());
    }

    #[test]
    fn an_average_that_moves_little_in_a_step_moves_in_expectation() {
        // rounded to the nearest it would stay at its first value for ever
        const BETA: f32 = 0.999;
        let (mut codes, mut scale) = (vec![0u8; 64], 0);
        let mut values = vec![1.0f32; 64];
        let draw = crate::random::Stream::new(1, 2, 3, crate::random::Purpose::State);
        for t in 0..2000usize {
            let words: Vec<u32> = (0..64).map(|i| draw.from(64 * t).word(i)).collect();
            scale = encode::<false>(Holds::Square, &values, &words, Part::High, &mut codes);
            decode::<false>(Holds::Square, &codes, scale, &mut values);
            values.iter_mut().for_each(|v| *v *= BETA);
        }
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 64.0;
        let expected = 0.999f64.powi(2000);
        // the spread of one is about its fifth; of the mean of 64, an eighth of that
        assert!((mean / expected - 1.0).abs() < 0.1, "{mean} where {expected} is right, scale {scale}");
    }

    #[test]
    fn reading_anywhere_gives_what_lies_there() {
        let (mut codes, mut scales) = (vec![0; 400], vec![0; 4]);
        fill(Holds::Square, 0.25, &mut codes, &mut scales);
        let mut all = vec![0.0; 400];
        read(Holds::Square, &codes, &scales, 0, &mut all);
        assert!(all.iter().all(|x| *x == 0.25));
        scales[1] = 100;
        read(Holds::Square, &codes, &scales, 0, &mut all);
        let mut part = vec![0.0; 200];
        read(Holds::Square, &codes, &scales, 37, &mut part);
        assert_eq!(part, all[37..237]);
    }
}
