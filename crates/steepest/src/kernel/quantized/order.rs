//! Where the codes of a group lie in memory.

use crate::dtype::DType;

/// Elements that share a scale.
pub(crate) const GROUP: usize = 128;
/// Lanes of a set: half a group.
pub(crate) const LANES: usize = 32;
/// Elements of a set.
pub(crate) const SET: usize = 2 * LANES;

/// Which elements of a set share a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Those 32 apart: each half of the lanes is a run of f32 parameters.
    Apart,
    /// Neighbours, as in memory that holds parameters of 16 bits.
    Adjacent,
}

impl Order {
    /// That of the state of parameters in this type.
    pub fn of(param: DType) -> Self {
        if param == DType::Bf16 { Self::Adjacent } else { Self::Apart }
    }

    /// The elements of lane `l`: of its low half, and of its high half.
    #[inline(always)]
    pub const fn pair(self, l: usize) -> (usize, usize) {
        match self {
            Self::Apart => (l, l + LANES),
            Self::Adjacent => (2 * l, 2 * l + 1),
        }
    }

    /// For each element of a group where its code lies, in bytes.
    pub fn places(self) -> &'static [u8; GROUP] {
        const APART: [u8; GROUP] = places(Order::Apart);
        const ADJACENT: [u8; GROUP] = places(Order::Adjacent);
        match self {
            Self::Apart => &APART,
            Self::Adjacent => &ADJACENT,
        }
    }
}

const fn places(order: Order) -> [u8; GROUP] {
    // as 16-bit numbers, the low half of a lane comes first or last
    let last = cfg!(target_endian = "big") as usize;
    let mut places = [0; GROUP];
    let mut i = 0;
    while i < GROUP / 2 {
        let (set, l) = (i / LANES, i % LANES);
        let (low, high) = order.pair(l);
        places[SET * set + low] = (4 * l + 2 * last + set) as u8;
        places[SET * set + high] = (4 * l + 2 * (1 - last) + set) as u8;
        i += 1;
    }
    places
}
