//! From Python's objects to slices: what tensors say of themselves through DLPack's C functions, and the slices of a step.
#![allow(unsafe_code)] // C functions of torch, and memory by its address

use crate::overlap::Written;
use crate::view::{Element, View};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyType};
use pyo3::{ffi, intern};
use std::borrow::Cow;
use std::ffi::{c_int, c_void};
use std::slice::{from_raw_parts, from_raw_parts_mut};
use steepest::{Slice, SliceMut, Slot, StateSlice, bf16, f16};

/// DLPack's tensor.
#[repr(C)]
struct DlTensor {
    data: *mut c_void,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *const i64,
    strides: *const i64,
    byte_offset: u64,
}

type DescribeTensor = unsafe extern "C" fn(*mut c_void, *mut DlTensor) -> c_int;

/// The table of functions that a tensor type has under `__dlpack_c_exchange_api__`; those before the one that is used are not called.
#[repr(C)]
struct ExchangeApi {
    major: u32,
    minor: u32,
    older: *const c_void,
    unused: [*const c_void; 3],
    describe: Option<DescribeTensor>,
}

/// DLPack's number of the processor's memory.
const CPU: i32 = 1;

/// What describes the tensors of one type.
pub(crate) struct Describer {
    tensor: Py<PyType>,
    /// The C function for it, where the type has one: torch from 2.10 on.
    describe: Option<DescribeTensor>,
}

impl Describer {
    /// For tensors of this type. Without `quick`, as where the type has no C function, attributes are read.
    pub fn new(tensor: &Bound<'_, PyType>, quick: bool) -> PyResult<Self> {
        let capsule = tensor.getattr_opt("__dlpack_c_exchange_api__")?.filter(|_| quick);
        let describe = match &capsule {
            Some(capsule) => {
                let capsule = capsule.cast::<PyCapsule>()?;
                // SAFETY: the capsule is a live object; a null pointer is an error that Python has set.
                let api =
                    unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), c"dlpack_exchange_api".as_ptr()) };
                if api.is_null() {
                    return Err(PyErr::fetch(tensor.py()));
                }
                // SAFETY: a capsule of this name holds such a table, which lives as long as the type; of another major
                // version only the number is read.
                unsafe {
                    let api = api.cast::<ExchangeApi>();
                    if (*api).major == 1 { (*api).describe } else { None }
                }
            }
            None => None,
        };
        Ok(Self { tensor: tensor.clone().unbind(), describe })
    }

    /// Whether `object` is a tensor of that type.
    pub fn is_tensor(&self, object: &Bound<'_, PyAny>) -> bool {
        // SAFETY: both are live types, and Python's lock is held.
        unsafe { ffi::PyType_IsSubtype(object.get_type_ptr(), self.tensor.as_ptr().cast()) != 0 }
    }

    /// The memory of a tensor.
    pub fn hold<'py>(&self, tensor: Bound<'py, PyAny>) -> PyResult<Held<'py>> {
        let view = self.view(&tensor);
        let held = view.and_then(|view| Held::new(tensor.clone(), &view));
        held.ok_or_else(|| {
            PyValueError::new_err("a tensor of the state is not dense, or not in the processor's memory")
        })
    }

    /// What a tensor says of itself, which holds as long as the lock is and nobody changes the tensor. None where it has no memory
    /// of its own: sparse, without data, or no tensor at all.
    pub fn view<'a>(&self, object: &'a Bound<'_, PyAny>) -> Option<View<'a>> {
        if !self.is_tensor(object) {
            return None;
        }
        let Some(describe) = self.describe else { return by_attributes(object).ok() };
        let mut tensor = DlTensor {
            data: std::ptr::null_mut(),
            device_type: 0,
            device_id: 0,
            ndim: 0,
            code: 0,
            bits: 0,
            lanes: 0,
            shape: std::ptr::null(),
            strides: std::ptr::null(),
            byte_offset: 0,
        };
        // SAFETY: the object is of the type that the function is for, and the lock is held.
        if unsafe { describe(object.as_ptr().cast(), &raw mut tensor) } != 0 {
            // the caller says in other words what is wrong
            drop(PyErr::take(object.py()));
            return None;
        }
        let axes = usize::try_from(tensor.ndim).ok()?;
        let list = |of: *const i64| -> Cow<'a, [i64]> {
            if axes == 0 || of.is_null() {
                return Cow::Borrowed(&[]);
            }
            // SAFETY: the tensor's own list of so many numbers, which it keeps while it is held and not changed.
            Cow::Borrowed(unsafe { from_raw_parts(of, axes) })
        };
        let (shape, mut strides) = (list(tensor.shape), list(tensor.strides));
        if tensor.strides.is_null() {
            strides = row_major(&shape).into();
        }
        let element = match tensor.lanes {
            1 => Element { code: tensor.code, bits: tensor.bits },
            _ => Element::OTHER,
        };
        let at = (tensor.data.addr()).checked_add(usize::try_from(tensor.byte_offset).ok()?)?;
        let at = if tensor.data.is_null() { 0 } else { at };
        Some(View { at, element, on_cpu: tensor.device_type == CPU, read_only: false, shape, strides })
    }
}

/// The same from the attributes of a tensor.
fn by_attributes(object: &Bound<'_, PyAny>) -> PyResult<View<'static>> {
    let dtype: String = object.getattr("dtype")?.str()?.extract()?;
    let element = match dtype.strip_prefix("torch.").unwrap_or(&dtype) {
        "float64" => Element::F64,
        "float32" => Element::F32,
        "float16" => Element::F16,
        "bfloat16" => Element::BF16,
        "uint8" => Element::U8,
        "int8" => Element::I8,
        _ => Element::OTHER,
    };
    let device: String = object.getattr("device")?.getattr("type")?.extract()?;
    Ok(View {
        at: object.call_method0("data_ptr")?.extract()?,
        element,
        on_cpu: device == "cpu",
        read_only: false,
        shape: object.getattr("shape")?.extract::<Vec<i64>>()?.into(),
        strides: object.call_method0("stride")?.extract::<Vec<i64>>()?.into(),
    })
}

/// An array by NumPy's interface, as NumPy and those that follow it have it.
pub(crate) fn by_interface(array: &Bound<'_, PyAny>) -> PyResult<View<'static>> {
    let interface = array.getattr(intern!(array.py(), "__array_interface__"))?;
    let interface = interface.cast::<PyDict>()?;
    let field = |name: &str| {
        interface
            .get_item(name)?
            .ok_or_else(|| PyValueError::new_err(format!("the array's interface has no `{name}`")))
    };
    let (at, read_only): (usize, bool) = field("data")?.extract()?;
    let shape: Vec<i64> = field("shape")?.extract()?;
    let kind: String = field("typestr")?.extract()?;
    let native = if cfg!(target_endian = "big") { '>' } else { '<' };
    let element = match kind.strip_prefix(native).or(kind.strip_prefix('|')).unwrap_or_default() {
        "f8" => Element::F64,
        "f4" => Element::F32,
        "f2" => Element::F16,
        // a type that NumPy itself does not have
        "V2" if array.getattr("dtype")?.getattr("name")?.extract::<String>()? == "bfloat16" => Element::BF16,
        _ => Element::OTHER,
    };
    let strides = match interface.get_item("strides")?.filter(|strides| !strides.is_none()) {
        Some(strides) => {
            // in bytes there
            let size = i64::try_from(element.size().max(1)).unwrap_or(1);
            let strides: Vec<i64> = strides.extract()?;
            strides
                .into_iter()
                .map(|stride| if stride % size == 0 { stride / size } else { i64::MIN })
                .collect()
        }
        None => row_major(&shape),
    };
    Ok(View { at, element, on_cpu: true, read_only, shape: shape.into(), strides: strides.into() })
}

/// The strides of an array whose elements follow one another in the order of its indices.
fn row_major(shape: &[i64]) -> Vec<i64> {
    let mut strides: Vec<i64> = (shape.iter().rev())
        .scan(1i64, |next, n| {
            let stride = *next;
            *next = next.saturating_mul((*n).max(1));
            Some(stride)
        })
        .collect();
    strides.reverse();
    strides
}

/// Memory that a step works on, and the object that owns it: held, it is not freed.
#[derive(Debug, Clone)]
pub(crate) struct Held<'py> {
    owner: Bound<'py, PyAny>,
    at: usize,
    element: Element,
    len: usize,
}

impl<'py> Held<'py> {
    /// Refuses memory of a tensor whose storage is smaller than it says, as one that was freed or resized.
    pub fn check_storage(&self) -> PyResult<()> {
        let py = self.owner.py();
        let storage = self.owner.call_method0(intern!(py, "untyped_storage"))?;
        let begin: usize = storage.call_method0(intern!(py, "data_ptr"))?.extract()?;
        let bytes: usize = storage.call_method0(intern!(py, "nbytes"))?.extract()?;
        let (from, to) = self.range();
        if from == to || (begin <= from && to - begin <= bytes) {
            return Ok(());
        }
        let (needed, len) = (to - from, self.len);
        Err(PyRuntimeError::new_err(format!(
            "a tensor of {len} elements needs {needed} bytes, and its storage has {bytes}: it was freed or resized; nothing was changed"
        )))
    }

    /// The memory of `owner`, as its view says; none where it is not that of the processor, is absent, or must not be written.
    pub fn new(owner: Bound<'py, PyAny>, view: &View<'_>) -> Option<Self> {
        let usable = view.on_cpu && view.is_there() && view.is_dense();
        usable.then(|| Self { at: view.at, element: view.element, len: view.len(), owner })
    }

    /// From its first byte to one that is no longer among them.
    pub fn range(&self) -> (usize, usize) {
        (self.at, self.at + self.len * self.element.size())
    }

    /// Its number, if it is one, in f64 or f32.
    pub fn number(&self) -> Option<f64> {
        // SAFETY: the owner is held, the memory was described as such numbers, and Python's lock is: nobody writes it.
        match unsafe { gradient(self) }? {
            Slice::F64([x]) => Some(*x),
            Slice::F32([x]) => Some(f64::from(*x)),
            _ => None,
        }
    }

    /// Writes its number, if it is one, in f64 or f32.
    pub fn set_number(&self, value: f64) {
        // SAFETY: as above, and no slice of it lives: those of a step are gone when numbers are written.
        match unsafe { parameter(self) } {
            Some(SliceMut::F64([x])) => *x = value,
            Some(SliceMut::F32([x])) => *x = value as f32,
            _ => {}
        }
    }
}

/// # Safety
/// For `'a` the owner is held and keeps its memory as it is, and nobody writes it; `T` is its element type.
unsafe fn slice<'a, T>(held: &Held<'_>) -> &'a [T] {
    // no slice may begin at 0, not even an empty one
    if held.len == 0 {
        return &[];
    }
    // SAFETY: the caller's contract; a view that is dense has so many elements from its address on, aligned.
    unsafe { from_raw_parts(std::ptr::with_exposed_provenance(held.at), held.len) }
}

/// # Safety
/// As for [`slice`], and nobody else uses the memory.
unsafe fn slice_mut<'a, T>(held: &Held<'_>) -> &'a mut [T] {
    if held.len == 0 {
        return &mut [];
    }
    // SAFETY: as above.
    unsafe { from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(held.at), held.len) }
}

/// # Safety
/// As for [`slice_mut`], but for the type.
unsafe fn parameter<'a>(held: &Held<'_>) -> Option<SliceMut<'a>> {
    // SAFETY: the caller's contract.
    unsafe {
        Some(match held.element {
            Element::F64 => SliceMut::F64(slice_mut::<f64>(held)),
            Element::F32 => SliceMut::F32(slice_mut::<f32>(held)),
            Element::BF16 => SliceMut::Bf16(slice_mut::<bf16>(held)),
            Element::F16 => SliceMut::F16(slice_mut::<f16>(held)),
            _ => return None,
        })
    }
}

/// # Safety
/// As for [`slice`], but for the type.
unsafe fn gradient<'a>(held: &Held<'_>) -> Option<Slice<'a>> {
    // SAFETY: the caller's contract.
    unsafe {
        Some(match held.element {
            Element::F64 => Slice::F64(slice::<f64>(held)),
            Element::F32 => Slice::F32(slice::<f32>(held)),
            Element::BF16 => Slice::Bf16(slice::<bf16>(held)),
            Element::F16 => Slice::F16(slice::<f16>(held)),
            _ => return None,
        })
    }
}

/// # Safety
/// As for [`slice_mut`], but for the type.
unsafe fn state<'a>(held: &Held<'_>) -> Option<StateSlice<'a>> {
    // SAFETY: the caller's contract.
    unsafe {
        Some(match held.element {
            Element::F64 => slice_mut::<f64>(held).into(),
            Element::F32 => slice_mut::<f32>(held).into(),
            Element::BF16 => slice_mut::<bf16>(held).into(),
            Element::U8 => slice_mut::<u8>(held).into(),
            Element::I8 => slice_mut::<i8>(held).into(),
            _ => return None,
        })
    }
}

/// What a step works on of one parameter.
pub(crate) struct Work<'py> {
    pub param: Held<'py>,
    /// Without it nothing of the parameter is touched, and it has nothing else.
    pub gradient: Option<Held<'py>>,
    pub arrays: Vec<Held<'py>>,
    /// The number of its steps, and the numbers that its rule keeps for it.
    pub steps: Option<Held<'py>>,
    pub numbers: Vec<Held<'py>>,
    /// What the parameter's new values are copied back from, where it does not lie as a step needs it.
    pub copy: Option<Bound<'py, PyAny>>,
}

/// Why memory cannot be lent to a step.
#[derive(Debug, Clone, Copy)]
enum Clash {
    /// Two things that are written overlap.
    Written,
    /// What is read overlaps with what is written.
    Read,
    /// An element type that no slice has.
    Type,
}

impl Clash {
    fn error(self) -> PyErr {
        PyValueError::new_err(match self {
            Self::Written => {
                "parameters, or arrays of their state, overlap in memory; give each memory of its own: step a copy"
            }
            Self::Read => "a gradient overlaps in memory with what the step writes; give a copy of it",
            Self::Type => {
                "a tensor has a type that is not stepped; give float64, float32, bfloat16 or float16"
            }
        })
    }
}

impl Work<'_> {
    /// What a step writes of it.
    fn written(&self) -> impl Iterator<Item = &Held<'_>> + Clone {
        let numbers = self.steps.iter().chain(&self.numbers);
        std::iter::once(&self.param).chain(&self.arrays).chain(numbers)
    }
}

/// The slots of a step. The objects that own what they lend are held by `work`; that nobody frees, resizes or writes their memory while the
/// step has them is the caller's word, as it is for whatever works on tensors without Python's lock. `check` says whether memory that the step
/// before did not have is as large as its owner says.
pub(crate) fn slots<'a>(
    work: &'a [Work<'_>],
    written: &mut Written,
    check: impl Fn(&Held<'_>) -> PyResult<()>,
) -> PyResult<Vec<Slot<'a>>> {
    let writes = work.iter().flat_map(Work::written);
    let ranges = writes.clone().map(Held::range);
    if !written.is_written(ranges.clone()) {
        writes.into_iter().try_for_each(&check)?;
        if written.write(ranges) {
            return Err(Clash::Written.error());
        }
    }
    let reads = || work.iter().filter_map(|work| work.gradient.as_ref());
    for (i, gradient) in reads().enumerate() {
        if !written.is_read(i, gradient.range()) {
            check(gradient)?;
        }
    }
    if written.read(reads().map(Held::range)) {
        return Err(Clash::Read.error());
    }
    let of = |work: &'a Work<'_>| -> Option<Slot<'a>> {
        // SAFETY: the owners are held for `'a`; nothing that is written overlaps with anything else: see above.
        unsafe {
            let param = parameter(&work.param)?;
            let Some(grad) = &work.gradient else { return Some(Slot::frozen(param)) };
            let mut state_slices = Vec::with_capacity(work.arrays.len());
            for array in &work.arrays {
                state_slices.push(state(array)?);
            }
            Some(Slot { state: state_slices, ..Slot::new(param, gradient(grad)?) })
        }
    };
    work.iter().map(of).collect::<Option<_>>().ok_or_else(|| Clash::Type.error())
}

/// A parameter, or a copy of one, and its state, for a call that is not a step.
pub(crate) fn parts<'a>(
    param: Option<&'a Held<'_>>,
    arrays: &'a [Held<'_>],
) -> PyResult<(Option<SliceMut<'a>>, Vec<StateSlice<'a>>)> {
    if Written::default().write(param.into_iter().chain(arrays).map(Held::range)) {
        return Err(Clash::Written.error());
    }
    // SAFETY: the owners are held for `'a`, Python's lock is held, and nothing overlaps.
    unsafe {
        let slices = arrays
            .iter()
            .map(|array| state(array))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Clash::Type.error())?;
        let param = match param {
            Some(param) => Some(parameter(param).ok_or_else(|| Clash::Type.error())?),
            None => None,
        };
        Ok((param, slices))
    }
}
