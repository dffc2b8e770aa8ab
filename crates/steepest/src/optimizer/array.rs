//! One state array of a tensor: aligned, allocated when the optimizer is made, saved by name.

use crate::aligned::Aligned;
use crate::dtype::DType;
use crate::float::Float;
use crate::kernel::Loop;
use crate::kernel::quantized::{Dequantize, GROUP, Order, Quantize, fill};
#[cfg(feature = "safetensors")]
use crate::kernel::quantized::{from_order, in_order};
use crate::optimizer::memory::Memory;
use crate::random::Dither;
use crate::rule::{StateKind, StateSpec};
use crate::state_slice::{StateLayout, StateType};
use half::bf16;
use std::borrow::Cow;

/// The most state arrays that a tensor can have.
pub(crate) const MAX_ARRAYS: usize = 8;

/// How the values of one array lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    F64,
    F32,
    Bf16,
    /// Codes in this order, and beside them the scales of groups.
    Bits8(Order),
    /// The bits below bfloat16's.
    Correction,
}

impl Storage {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Bits8(_) | Self::Correction => 1,
        }
    }
}

/// Where a state array is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// In memory of its own, as the array with this number of its tensor.
    Own(usize),
    /// In memory that each step is lent.
    Lent,
}

/// One state array of one tensor.
#[derive(Debug, Clone)]
pub(crate) struct StateArray {
    pub spec: StateSpec,
    pub kind: StateKind,
    pub storage: Storage,
    data: Memory,
    /// The scales of groups, for 8 bits.
    scales: Memory,
}

impl StateArray {
    /// In the type that the parameter's arithmetic is done in; `keep` says where.
    pub fn new(spec: StateSpec, param: DType, keep: Keep) -> Self {
        let storage = if param == DType::F64 { Storage::F64 } else { Storage::F32 };
        Self::stored(spec, StateKind::Point, storage, keep)
    }

    /// The same, when it is known what it holds.
    pub fn of_kind(self, kind: StateKind) -> Self {
        Self { kind, ..self }
    }

    pub fn stored(spec: StateSpec, kind: StateKind, storage: Storage, keep: Keep) -> Self {
        let len: usize = spec.shape.iter().product();
        let quantized = matches!(storage, Storage::Bits8(_));
        let (bytes, groups) = (len * storage.size(), if quantized { len.div_ceil(GROUP) } else { 0 });
        let (data, scales) = match keep {
            Keep::Own(place) => {
                (Memory::Own(Aligned::side_by_side(bytes, place)), Memory::Own(Aligned::new(groups)))
            }
            Keep::Lent => (Memory::lent(bytes), Memory::lent(groups)),
        };
        // memory begins as zeros
        let zeros = spec.initial == 0.0 && !quantized;
        let mut array = Self { spec, kind, storage, data, scales };
        if !zeros {
            array.reset();
        }
        array
    }

    /// Holds what it holds before the first step.
    pub fn reset(&mut self) {
        let Self { spec: StateSpec { initial, .. }, kind, storage, data, scales } = self;
        match storage {
            Storage::F64 => data.slice_mut::<f64>().fill(*initial),
            Storage::F32 => data.slice_mut::<f32>().fill(*initial as f32),
            Storage::Bf16 => data.slice_mut::<u16>().fill(bf16::from_f64(*initial).to_bits()),
            Storage::Bits8(_) => fill(*kind, *initial, data.slice_mut(), scales.slice_mut()),
            Storage::Correction => data.slice_mut::<i8>().fill(0),
        }
    }

    /// Bytes of memory.
    pub fn size(&self) -> usize {
        self.data.len() + self.scales.len()
    }

    /// Where its values lie.
    pub fn address(&mut self) -> *mut u8 {
        self.data.address()
    }

    /// Where the scales of its groups lie.
    pub fn scales_address(&mut self) -> *mut u8 {
        self.scales.address()
    }

    /// Its values, kept in the type of the arithmetic.
    pub fn slice<T: Float>(&self) -> &[T] {
        debug_assert_eq!(self.storage.size(), T::DTYPE.size());
        self.data.slice()
    }

    /// The same, to be changed.
    pub fn slice_mut<T: Float>(&mut self) -> &mut [T] {
        debug_assert_eq!(self.storage.size(), T::DTYPE.size());
        self.data.slice_mut()
    }

    /// Its values in the type of the arithmetic, however they are kept.
    pub fn widened<T: Float>(&self) -> Cow<'_, [T]> {
        match (self.storage, T::DTYPE) {
            (Storage::F64, DType::F64) | (Storage::F32, DType::F32) => Cow::Borrowed(self.slice()),
            _ => self.to_f64().into_iter().map(T::of).collect(),
        }
    }

    /// The values as f64: exact for all types.
    pub fn to_f64(&self) -> Vec<f64> {
        match self.storage {
            Storage::F64 => self.data.slice::<f64>().to_vec(),
            Storage::F32 => self.data.slice::<f32>().iter().map(|x| f64::from(*x)).collect(),
            Storage::Bf16 => self.data.slice::<u16>().iter().map(|x| bf16::from_bits(*x).to_f64()).collect(),
            Storage::Correction => self.data.slice::<i8>().iter().map(|x| f64::from(*x)).collect(),
            Storage::Bits8(order) => {
                let (codes, scales) = (self.data.slice(), self.scales.slice());
                let mut into = vec![0.0; codes.len()];
                Dequantize { kind: self.kind, order, codes, scales, into: &mut into }.run();
                into.into_iter().map(f64::from).collect()
            }
        }
    }

    /// Becomes these values, rounded to what it is kept in: in 8 bits at random, with the words of `dither`.
    pub fn become_values(&mut self, values: &[f64], dither: Dither) {
        match self.storage {
            Storage::F64 => self.data.slice_mut::<f64>().copy_from_slice(values),
            Storage::F32 => {
                self.data.slice_mut::<f32>().iter_mut().zip(values).for_each(|(x, value)| *x = *value as f32);
            }
            Storage::Bf16 => {
                let bits = values.iter().map(|value| bf16::from_f64(*value).to_bits());
                self.data.slice_mut::<u16>().iter_mut().zip(bits).for_each(|(x, bits)| *x = bits);
            }
            Storage::Bits8(order) => {
                let from: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                let (from, kind, index) = (&from[..], self.kind, 0);
                let (codes, scales) = (self.data.slice_mut(), self.scales.slice_mut());
                Quantize { kind, order, index, dither, from, codes, scales }.run();
            }
            Storage::Correction => {}
        }
    }

    /// Whether a number of it is larger than `most`, or is none.
    pub fn exceeds(&self, most: f64) -> bool {
        let beyond = |x: f64| x.abs() > most || x.is_nan();
        match self.storage {
            Storage::F64 => self.data.slice::<f64>().iter().any(|x| beyond(*x)),
            Storage::F32 => self.data.slice::<f32>().iter().any(|x| beyond(f64::from(*x))),
            Storage::Correction => false,
            Storage::Bf16 | Storage::Bits8(_) => self.to_f64().into_iter().any(beyond),
        }
    }

    /// What memory it takes: that of its values, and for 8 bits that of the scales of its groups. Element type and length.
    pub fn parts(&self) -> impl Iterator<Item = (StateType, usize)> + use<> {
        let element = match self.storage {
            Storage::F64 => StateType::F64,
            Storage::F32 => StateType::F32,
            Storage::Bf16 => StateType::Bf16,
            Storage::Bits8(_) => StateType::U8,
            Storage::Correction => StateType::I8,
        };
        let values = (element, self.data.len() / self.storage.size());
        let scales = matches!(self.storage, Storage::Bits8(_)).then(|| (StateType::U8, self.scales.len()));
        [Some(values), scales].into_iter().flatten()
    }

    /// The same with names and shapes.
    pub fn layouts(&self) -> impl Iterator<Item = StateLayout> {
        let StateSpec { name, shape, .. } = &self.spec;
        self.parts().enumerate().map(move |(k, (element, len))| match k {
            0 => StateLayout { name: (*name).to_owned(), shape: shape.clone(), element, weights: false },
            _ => StateLayout { name: format!("{name}.scales"), shape: vec![len], element, weights: false },
        })
    }

    /// The memory of its [parts](Self::parts).
    pub fn memory_mut(&mut self) -> impl Iterator<Item = &mut Memory> {
        let quantized = matches!(self.storage, Storage::Bits8(_));
        [Some(&mut self.data), quantized.then_some(&mut self.scales)].into_iter().flatten()
    }

    /// Its bytes as a state file holds them: little-endian, codes in the order of the elements.
    #[cfg(feature = "safetensors")]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self.storage {
            Storage::Bits8(order) => in_order(order, self.data.slice()).into(),
            _ => self.data.slice::<u8>().into(),
        }
    }

    /// The scales of its groups, for 8 bits.
    #[cfg(feature = "safetensors")]
    pub fn scales(&self) -> Option<&[u8]> {
        matches!(self.storage, Storage::Bits8(_)).then(|| self.scales.slice())
    }

    /// Takes over bytes of its length, as [`bytes`](Self::bytes) gave them, and scales.
    #[cfg(feature = "safetensors")]
    pub fn fill(&mut self, bytes: &[u8], scales: Option<&[u8]>) {
        match self.storage {
            Storage::Bits8(order) => from_order(order, bytes, self.data.slice_mut()),
            _ => self.data.slice_mut::<u8>().copy_from_slice(bytes),
        }
        if let Some(scales) = scales {
            self.scales.slice_mut::<u8>().copy_from_slice(scales);
        }
    }
}
