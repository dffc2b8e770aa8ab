//! Quantized state: eight bits for a number, in groups that share a scale.
//!
//! A code is a small floating-point number with 4 bits of exponent. Of a [signed moment](StateKind::Signed) it has a sign and 3 bits
//! of mantissa; of an [unsigned one](StateKind::Unsigned) 4. A group of 128 elements shares the exponent of its largest:
//! one byte more. So numbers keep a relative precision of 1/8 to 1/16, and unsigned moments of 1/16 to 1/32, over a range of 2¹⁶ below
//! the largest of their group. Unsigned moments have the finer codes because they move so little in a step, a thousandth as a rule: what
//! they lose by rounding is a random walk, whose steps must be small.
//!
//! Two things make this stable for moving averages. Numbers are rounded at random, up or down with the probability that keeps their
//! expectation: to the nearest, an average that moves by a thousandth of itself in a step would never move at all. And scales
//! are powers of two, so a number that does not change is not rounded again when its neighbours change.
//!
//! # Lanes
//! Speed is a matter of how many numbers an instruction takes. A number is rounded in two steps, first to the upper 16 bits of
//! its f32 (its half: a bfloat16), then to the 4 or 5 of them that a code has beside its exponent; all that happens to halves
//! takes twice as many at once as f32 would. Two halves share a lane of 32 bits, from which each becomes an f32 by one
//! instruction, with nothing moved between lanes; and four codes lie where a lane does. Which elements share a lane is their
//! [`Order`]. It is a matter of memory alone: state files have the codes in the order of the elements.
//!
//! Everything here is integer arithmetic: the same on every processor.

use crate::kernel::instruction_set::{InstructionSet, Loop, highest};
use crate::kernel::quantized::order::{GROUP, LANES, Order, SET};
use crate::random::Dither;
use crate::rule::{MAX_STATES, StateKind};
use half::bf16;

/// The scale of a group that holds a number that is not finite. All its codes are 255, which with this scale are NaN.
const BROKEN: u8 = 255;
/// The smallest scale: below it the smallest codes would not be normal numbers.
const SMALLEST: u8 = 32;
/// Sizes from here on, as halves, count as not finite: rounded up they might be.
const TOO_LARGE: u16 = 0x7F70;
/// Binades between the largest codes and the smallest.
const BINADES: u8 = 15;
/// The largest half that is subnormal.
const SUBNORMAL: u16 = 0x7F;

/// The lanes of a set of one array.
pub(crate) type Lanes = [u32; LANES];

/// The lanes of a set: of each array of the state, then of the random words that round them.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Set(pub [Lanes; MAX_STATES + MAX_STATES / 2]);

impl Set {
    pub const NEW: Self = Self([[0; LANES]; MAX_STATES + MAX_STATES / 2]);
}

/// An index, which with `ONE` the compiler cannot see through: the loop stays one over single numbers.
#[inline(always)]
pub(crate) fn opaque<const ONE: bool>(i: usize) -> usize {
    if ONE { std::hint::black_box(i) } else { i }
}

/// The half of the smallest number that a group with this scale holds, but for one: its code would be 0, which stands for zero.
#[inline(always)]
fn base(scale: u8) -> u16 {
    // the largest codes have the exponent `scale`
    u16::from(scale.wrapping_sub(BINADES)) << 7
}

/// Two f32, rounded at random to halves that share a lane.
#[inline(always)]
pub(crate) fn join_halves(low: f32, high: f32, word: u32) -> u32 {
    (low.to_bits().wrapping_add(word & 0xFFFF) >> 16)
        | (high.to_bits().wrapping_add(word >> 16) & 0xFFFF_0000)
}

/// The two numbers of a lane.
#[inline(always)]
pub(crate) fn split_lane(lane: u32) -> (f32, f32) {
    (f32::from_bits(lane << 16), f32::from_bits(lane & 0xFFFF_0000))
}

/// A NaN among those whose lower bits may be added to without leaving the NaNs.
#[inline(always)]
pub(crate) fn tame(x: f32) -> f32 {
    // NaNs of either sign are the largest numbers, with the sign for a sign and without
    let positive = x.to_bits().cast_signed().min(0x7FFF_0000).cast_unsigned();
    f32::from_bits(positive.min(0xFFFF_0000))
}

/// The random bits of 16 that round a half: which of them an array of the state takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RandomBits {
    High,
    Low,
}

impl RandomBits {
    /// Those of the quantized array with number `index` of a rule: in which word, and which bits.
    pub fn of(index: usize) -> (usize, Self) {
        (index / 2, if index.is_multiple_of(2) { Self::High } else { Self::Low })
    }

    /// `bits` of them, at most 4. The word itself rounded the number to its half; that these are of a product keeps the two
    /// roundings apart.
    #[inline(always)]
    fn random(self, word: u16, bits: u32) -> u16 {
        let mixed = word.wrapping_mul(0x9E37);
        if self == Self::High { mixed >> (16 - bits) } else { (mixed >> (12 - bits)) & ((1 << bits) - 1) }
    }
}

/// The code of an average, in the low byte.
#[inline(always)]
fn signed(half: u16, base: u16, random: u16) -> u16 {
    (((half & 0x7FFF).saturating_sub(base) + random) >> 4) | ((half >> 8) & 0x80)
}

/// The code of a square, in the low byte. One that is not zero never becomes zero: something may be divided by its root.
#[inline(always)]
fn unsigned(half: u16, base: u16, random: u16) -> u16 {
    let code = (half.saturating_sub(base) + random) >> 3;
    if half > SUBNORMAL { code.max(1) } else { code }
}

/// The half of a code that was moved to the place of its exponent and mantissa.
#[inline(always)]
fn widened(moved: u16, base: u16) -> u16 {
    moved.wrapping_add(if moved == 0 { 0 } else { base })
}

/// The halves of a group.
#[inline(always)]
fn decode<const ONE: bool>(kind: StateKind, codes: &[u8; GROUP], scale: u8, [low, high]: [&mut Lanes; 2]) {
    let codes: &[[u8; 2]; SET] = bytemuck::cast_ref(codes);
    let (low, high): (&mut [u16; SET], &mut [u16; SET]) = (bytemuck::cast_mut(low), bytemuck::cast_mut(high));
    let base = base(scale);
    // the question what it holds outside the loop, so that the loop becomes vector code
    if matches!(kind, StateKind::Unsigned) {
        for i in 0..SET {
            let i = opaque::<ONE>(i);
            let code = u16::from_le_bytes(codes[i]);
            low[i] = widened((code << 3) & 0x7F8, base);
            high[i] = widened((code >> 5) & 0x7F8, base);
        }
    } else {
        for i in 0..SET {
            let i = opaque::<ONE>(i);
            let code = u16::from_le_bytes(codes[i]);
            low[i] = widened((code << 4) & 0x7F0, base) | ((code << 8) & 0x8000);
            high[i] = widened((code >> 4) & 0x7F0, base) | (code & 0x8000);
        }
    }
}

/// The largest of a group's halves, without signs. A square has none; were it negative, it would be too large.
#[inline(always)]
fn largest<const ONE: bool>(kind: StateKind, [low, high]: [&Lanes; 2]) -> u16 {
    let (low, high): (&[u16; SET], &[u16; SET]) = (bytemuck::cast_ref(low), bytemuck::cast_ref(high));
    let size = if matches!(kind, StateKind::Unsigned) { 0xFFFF } else { 0x7FFF };
    let mut largest = 0;
    for i in 0..SET {
        let i = opaque::<ONE>(i);
        largest = (low[i] & size).max(high[i] & size).max(largest);
    }
    largest
}

/// The scale of a group whose largest half this is: its exponent after rounding up, so that no code is too large.
#[inline(always)]
fn scale(kind: StateKind, largest: u16) -> u8 {
    let unit = if matches!(kind, StateKind::Unsigned) { 1 << 3 } else { 1 << 4 };
    let scale = ((largest.min(TOO_LARGE) + (unit - 1)) >> 7) as u8;
    if largest >= TOO_LARGE { BROKEN } else { scale.max(SMALLEST) }
}

/// Writes the codes of a group with this scale.
#[inline(always)]
fn encode<const ONE: bool>(
    kind: StateKind,
    bits: RandomBits,
    scale: u8,
    [low, high]: [&Lanes; 2],
    [low_words, high_words]: [&Lanes; 2],
    codes: &mut [u8; GROUP],
) {
    let codes: &mut [[u8; 2]; SET] = bytemuck::cast_mut(codes);
    let (low, high): (&[u16; SET], &[u16; SET]) = (bytemuck::cast_ref(low), bytemuck::cast_ref(high));
    let (low_words, high_words): (&[u16; SET], &[u16; SET]) =
        (bytemuck::cast_ref(low_words), bytemuck::cast_ref(high_words));
    let base = base(scale);
    if scale == BROKEN {
        *codes = [[255; 2]; SET];
    } else if matches!(kind, StateKind::Unsigned) {
        for i in 0..SET {
            let i = opaque::<ONE>(i);
            let first = unsigned(low[i], base, bits.random(low_words[i], 3));
            let second = unsigned(high[i], base, bits.random(high_words[i], 3));
            codes[i] = (first | (second << 8)).to_le_bytes();
        }
    } else {
        for i in 0..SET {
            let i = opaque::<ONE>(i);
            let first = signed(low[i], base, bits.random(low_words[i], 4));
            let second = signed(high[i], base, bits.random(high_words[i], 4));
            codes[i] = (first | (second << 8)).to_le_bytes();
        }
    }
}

/// Widens the codes of whole groups, one for each two sets, into the lanes of an array.
pub(crate) struct Decode<'a, const ONE: bool> {
    pub kind: StateKind,
    pub codes: &'a [u8],
    pub scales: &'a [u8],
    pub array: usize,
    pub into: &'a mut [Set],
}

impl<const ONE: bool> Loop for Decode<'_, ONE> {
    type Output = ();
    const HIGHEST: InstructionSet = highest::<f32>(ONE);
    #[inline(always)]
    fn run(self) {
        let Self { kind, array, .. } = self;
        let (codes, _) = self.codes.as_chunks::<GROUP>();
        let (sets, _) = self.into.as_chunks_mut::<2>();
        // a plain loop: adapters of iterators stay calls in functions of an instruction set
        for i in 0..codes.len().min(self.scales.len()).min(sets.len()) {
            let [low, high] = &mut sets[i];
            decode::<ONE>(kind, &codes[i], self.scales[i], [&mut low.0[array], &mut high.0[array]]);
        }
    }
}

/// Rounds the lanes of an array to the codes of whole groups.
pub(crate) struct Encode<'a, const ONE: bool> {
    pub kind: StateKind,
    /// Which of the rule's arrays in few bytes it is.
    pub index: usize,
    pub array: usize,
    pub from: &'a [Set],
    pub codes: &'a mut [u8],
    pub scales: &'a mut [u8],
}

impl<const ONE: bool> Loop for Encode<'_, ONE> {
    type Output = ();
    const HIGHEST: InstructionSet = highest::<f32>(ONE);
    #[inline(always)]
    fn run(self) {
        let (word, bits) = RandomBits::of(self.index);
        let Self { kind, array, .. } = self;
        let (codes, _) = self.codes.as_chunks_mut::<GROUP>();
        let (sets, _) = self.from.as_chunks::<2>();
        let groups = codes.len().min(self.scales.len()).min(sets.len());
        // All scales first: each takes long to find, and the next can be looked for meanwhile. Plain loops, as above.
        #[allow(clippy::needless_range_loop)]
        for i in 0..groups {
            let [low, high] = &sets[i];
            self.scales[i] = scale(kind, largest::<ONE>(kind, [&low.0[array], &high.0[array]]));
        }
        for i in 0..groups {
            let [low, high] = &sets[i];
            let lanes = [&low.0[array], &high.0[array]];
            let words = [&low.0[MAX_STATES + word], &high.0[MAX_STATES + word]];
            encode::<ONE>(kind, bits, self.scales[i], lanes, words, &mut codes[i]);
        }
    }
}

/// Reads an array, or its end, from the beginning of a group on. A group that is not whole has its codes in the order of the
/// elements.
pub(crate) struct Dequantize<'a> {
    pub kind: StateKind,
    pub order: Order,
    pub codes: &'a [u8],
    pub scales: &'a [u8],
    pub into: &'a mut [f32],
}

impl Loop for Dequantize<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { kind, order, scales, .. } = self;
        let mut lanes = [[0; LANES]; 2];
        let (whole, rest) = self.codes.as_chunks::<GROUP>();
        let (into, rest_into) = self.into.as_chunks_mut::<GROUP>();
        for i in 0..whole.len() {
            let [low, high] = &mut lanes;
            decode::<false>(kind, &whole[i], scales[i], [low, high]);
            unfold(order, &lanes, &mut into[i]);
        }
        if !rest.is_empty() {
            let (mut codes, mut numbers) = ([0; GROUP], [0.0; GROUP]);
            let places = order.places();
            for i in 0..rest.len() {
                codes[usize::from(places[i])] = rest[i];
            }
            let [low, high] = &mut lanes;
            decode::<false>(kind, &codes, scales[whole.len()], [low, high]);
            unfold(order, &lanes, &mut numbers);
            rest_into.copy_from_slice(&numbers[..rest.len()]);
        }
    }
}

/// The numbers of a group in the order of its elements.
#[inline(always)]
fn unfold(order: Order, lanes: &[Lanes; 2], into: &mut [f32; GROUP]) {
    for (i, lanes) in lanes.iter().enumerate() {
        for (l, lane) in lanes.iter().enumerate() {
            let (low, high) = order.pair(l);
            (into[SET * i + low], into[SET * i + high]) = split_lane(*lane);
        }
    }
}

/// Writes an array, or its end, from the beginning of a group on: the bits that the kernel would have written.
pub(crate) struct Quantize<'a> {
    pub kind: StateKind,
    pub order: Order,
    pub index: usize,
    /// The random words of the lanes from this group on.
    pub dither: Dither,
    pub from: &'a [f32],
    pub codes: &'a mut [u8],
    pub scales: &'a mut [u8],
}

impl Loop for Quantize<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { kind, order, scales, .. } = self;
        let (word, bits) = RandomBits::of(self.index);
        let dither = self.dither.again(word as u32);
        let (whole, rest) = self.codes.as_chunks_mut::<GROUP>();
        let (from, rest_from) = self.from.as_chunks::<GROUP>();
        for i in 0..whole.len() {
            scales[i] = fold(kind, order, bits, dither.skip(i * GROUP / 2), &from[i], &mut whole[i]);
        }
        if !rest.is_empty() {
            // filled up with zeros, which do not change the scale
            let (mut codes, mut numbers) = ([0; GROUP], [0.0; GROUP]);
            numbers[..rest.len()].copy_from_slice(rest_from);
            let i = whole.len();
            scales[i] = fold(kind, order, bits, dither.skip(i * GROUP / 2), &numbers, &mut codes);
            let places = order.places();
            for i in 0..rest.len() {
                rest[i] = codes[usize::from(places[i])];
            }
        }
    }
}

/// The codes and the scale of a group, of numbers in the order of its elements.
#[inline(always)]
fn fold(
    kind: StateKind,
    order: Order,
    bits: RandomBits,
    dither: Dither,
    from: &[f32; GROUP],
    codes: &mut [u8; GROUP],
) -> u8 {
    let (mut lanes, mut words) = ([[0; LANES]; 2], [[0; LANES]; 2]);
    for i in 0..2 {
        for l in 0..LANES {
            let (low, high) = order.pair(l);
            words[i][l] = dither.word(LANES * i + l);
            lanes[i][l] = join_halves(tame(from[SET * i + low]), tame(from[SET * i + high]), words[i][l]);
        }
    }
    let ([low, high], [low_words, high_words]) = (&lanes, &words);
    let scale = scale(kind, largest::<false>(kind, [low, high]));
    encode::<false>(kind, bits, scale, [low, high], [low_words, high_words], codes);
    scale
}

/// Writes codes and scales of an array whose elements are all `value`, to the nearest.
pub(crate) fn fill(kind: StateKind, value: f64, codes: &mut [u8], scales: &mut [u8]) {
    let half = bf16::from_f64(value).to_bits();
    let scale = scale(kind, half & 0x7FFF);
    let code = if matches!(kind, StateKind::Unsigned) {
        unsigned(half, base(scale), 1 << 2)
    } else {
        signed(half, base(scale), 1 << 3)
    };
    codes.fill(code as u8);
    scales.fill(scale);
}

/// The codes of an array in the order of its elements.
#[cfg(any(test, feature = "safetensors"))]
pub(crate) fn in_order(order: Order, codes: &[u8]) -> Vec<u8> {
    let places = order.places();
    let mut ordered = codes.to_vec();
    for (own, to) in codes.chunks_exact(GROUP).zip(ordered.chunks_exact_mut(GROUP)) {
        to.iter_mut().zip(places).for_each(|(to, place)| *to = own[usize::from(*place)]);
    }
    ordered
}

/// Copies codes that are in the order of their elements to where they belong.
#[cfg(any(test, feature = "safetensors"))]
pub(crate) fn from_order(order: Order, ordered: &[u8], codes: &mut [u8]) {
    let places = order.places();
    codes.copy_from_slice(ordered);
    for (from, own) in ordered.chunks_exact(GROUP).zip(codes.chunks_exact_mut(GROUP)) {
        from.iter().zip(places).for_each(|(from, place)| own[usize::from(*place)] = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    const ORDERS: [Order; 2] = [Order::Apart, Order::Adjacent];

    fn draw(key: u64) -> Dither {
        Stream::new(1, 2, key, Purpose::State).lanes_from(0)
    }

    struct Kept {
        kind: StateKind,
        order: Order,
        codes: Vec<u8>,
        scales: Vec<u8>,
    }

    impl Kept {
        fn new(kind: StateKind, order: Order, values: &[f32], index: usize, dither: Dither) -> Self {
            let (mut codes, mut scales) = (vec![0; values.len()], vec![0; values.len().div_ceil(GROUP)]);
            let (to, beside) = (&mut codes, &mut scales);
            Quantize { kind, order, index, dither, from: values, codes: to, scales: beside }.run();
            Self { kind, order, codes, scales }
        }

        fn values(&self) -> Vec<f32> {
            let mut into = vec![0.0; self.codes.len()];
            let Self { kind, order, codes, scales } = self;
            Dequantize { kind: *kind, order: *order, codes, scales, into: &mut into }.run();
            into
        }
    }

    /// `x` beside a number 1, as each of some random words leaves it.
    fn rounded(kind: StateKind, x: f32, index: usize, draws: u64) -> Vec<f32> {
        // one of each pair of elements, so that both halves of a word are seen
        let values: Vec<f32> = (0..GROUP).map(|i| if i == 77 { 1.0 } else { x }).collect();
        let of = |key| Kept::new(kind, Order::Apart, &values, index, draw(key)).values();
        (0..draws)
            .flat_map(|key| of(key).into_iter().enumerate().filter(|(i, _)| *i != 77).map(|(_, x)| x))
            .collect()
    }

    #[test]
    fn every_code_of_every_scale_comes_back_whatever_the_random_word() {
        for (kind, order) in KINDS.into_iter().flat_map(|kind| ORDERS.map(|order| (kind, order))) {
            for scale in SMALLEST..=253 {
                for half in [0u8, 128] {
                    let mut ordered: Vec<u8> = (0..128).map(|i| half + i).collect();
                    // the largest code keeps the scale what it is
                    ordered[5] = if kind == StateKind::Unsigned { 255 } else { half + 127 };
                    let mut codes = vec![0; GROUP];
                    from_order(order, &ordered, &mut codes);
                    assert_eq!(in_order(order, &codes), ordered);
                    let kept = Kept { kind, order, codes, scales: vec![scale] };
                    let values = kept.values();
                    for (index, key) in [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5)] {
                        let again = Kept::new(kind, order, &values, index, draw(key));
                        assert_eq!((&again.codes, &again.scales), (&kept.codes, &kept.scales), "{kind:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_lies_between_its_two_roundings_and_meets_them_with_the_right_share() {
        for (kind, finest) in [(StateKind::Signed, 0.125), (StateKind::Unsigned, 0.0625)] {
            for index in 0..4 {
                for exponent in [-14, -7, -1] {
                    for step in 0..32 {
                        let x = (1.0 + step as f32 / 32.0 + 0.013) * 2f32.powi(exponent);
                        let all = rounded(kind, x, index, 40);
                        let (down, up) =
                            all.iter().fold((f32::MAX, 0.0f32), |(low, high), x| (low.min(*x), high.max(*x)));
                        assert!(down <= x && x <= up && up - down <= x * finest + 1e-9, "{x}: {down} {up}");
                        assert!(all.iter().all(|x| *x == down || *x == up));
                        let mean = all.iter().map(|x| f64::from(*x)).sum::<f64>() / all.len() as f64;
                        let gap = f64::from(up - down);
                        // at most half of a gap divided by the root of 5080 draws, five times
                        assert!((mean - f64::from(x)).abs() <= 0.036 * gap, "{x}: {mean}, {down} to {up}");
                    }
                }
            }
        }
    }

    #[test]
    fn all_words_together_round_without_bias() {
        for which in [RandomBits::High, RandomBits::Low] {
            for (bits, below) in [(4, 16), (3, 16)] {
                for lost in (0..1u32 << (bits + below)).step_by(9973) {
                    let ups = (0..=u16::MAX).filter(|word| {
                        let half = (lost.wrapping_add(u32::from(*word))) >> below;
                        half + u32::from(which.random(*word, bits)) >= 1 << bits
                    });
                    let (fraction, expected) =
                        (ups.count() as f64 / 65536.0, f64::from(lost) / f64::from(1u32 << (bits + below)));
                    assert!(
                        (fraction - expected).abs() < 0.002,
                        "{which:?} {bits} {lost}: {fraction} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn signs_and_zeros_are_kept_and_squares_never_vanish() {
        for order in ORDERS {
            let values = [1.0, -1.0, 0.0, -0.0, 1e-12, -1e-12, 1e-39, -1e-39];
            let back = Kept::new(StateKind::Signed, order, &values, 0, draw(1)).values();
            assert_eq!(back, [1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
            let back =
                Kept::new(StateKind::Unsigned, order, &[1.0, 0.0, 1e-30, 1e-4, 1e-39], 1, draw(1)).values();
            // a subnormal square counts as zero: its root is 1e-19 at most
            assert_eq!((back[1], back[4]), (0.0, 0.0));
            assert!(back[2] > 0.0 && back[2] < 4e-5);
            assert!((back[3] / 1e-4 - 1.0).abs() < 0.0625);
            // a group of tiny numbers is stored below the smallest scale, but not as zero
            let tiny = [2e-38, f32::MIN_POSITIVE];
            assert!(
                Kept::new(StateKind::Unsigned, order, &tiny, 1, draw(1)).values().iter().all(|x| *x > 0.0)
            );
        }
    }

    #[test]
    fn what_is_not_finite_breaks_its_group_and_no_other() {
        let payloads = [u32::MAX, 0x7FFF_FFFF, 0x7F80_0001, 0xFFC0_0000];
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX].into_iter();
        for bad in bad.chain(payloads.map(f32::from_bits)) {
            for (kind, order) in KINDS.into_iter().flat_map(|kind| ORDERS.map(|order| (kind, order))) {
                let mut values = vec![0.5; 300];
                values[200] = bad;
                let back = Kept::new(kind, order, &values, 0, draw(3)).values();
                assert!(back.iter().enumerate().all(|(i, x)| x.is_nan() == (128..256).contains(&i)), "{bad}");
            }
        }
        let largest = f32::from_bits((u32::from(TOO_LARGE) << 16) - (1 << 16));
        let back = Kept::new(StateKind::Signed, Order::Apart, &[largest, 1.0], 0, draw(3)).values();
        assert!(back.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn an_average_that_moves_little_in_a_step_moves_in_expectation() {
        // rounded to the nearest it would stay at its first value for ever
        const BETA: f32 = 0.999;
        let mut values = vec![1.0f32; 128];
        for t in 0..2000 {
            values = Kept::new(StateKind::Unsigned, Order::Adjacent, &values, 1, draw(t)).values();
            values.iter_mut().for_each(|v| *v *= BETA);
        }
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 128.0;
        let expected = 0.999f64.powi(2000);
        // the spread of one is about its fifth; of the mean of 128, an eleventh of that
        assert!((mean / expected - 1.0).abs() < 0.1, "{mean} where {expected} is right");
    }

    #[test]
    fn the_first_values_are_the_nearest_and_lie_anywhere() {
        for (kind, order) in KINDS.into_iter().flat_map(|kind| ORDERS.map(|order| (kind, order))) {
            let (mut codes, mut scales) = (vec![0; 400], vec![0; 4]);
            fill(kind, 0.25, &mut codes, &mut scales);
            let mut kept = Kept { kind, order, codes, scales };
            assert_eq!(kept.values(), [0.25; 400]);
            kept.scales[1] += 2;
            let values = kept.values();
            assert!(
                values
                    .iter()
                    .enumerate()
                    .all(|(i, x)| *x == if (128..256).contains(&i) { 1.0 } else { 0.25 })
            );
            fill(kind, 0.0, &mut kept.codes, &mut kept.scales);
            assert_eq!(kept.values(), [0.0; 400]);
        }
        let (mut codes, mut scales) = (vec![0; 2], vec![0]);
        fill(StateKind::Signed, -1.1, &mut codes, &mut scales);
        let kept = Kept { kind: StateKind::Signed, order: Order::Apart, codes, scales };
        assert_eq!(kept.values(), [-1.125; 2]);
    }
}
