use crate::error::{Error, Result};
use crate::path::{Path, follow_path};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// A tensor's [name](crate#names), its shape, and its values in row-major order.
pub type NamedTensor = (String, Vec<usize>, Vec<f32>);

/// A copy of the float tensors of a module, in the module's order: the parameters, frozen or not,
/// and running statistics of normalizations. Values of other types are converted to f32.
///
/// To keep weights, take this and not a clone of the module: a clone shares its tensors, which makes
/// the next step copy them, and running statistics even after that.
///
/// ```
/// # use burn::{nn::LinearConfig, tensor::Device};
/// let model = LinearConfig::new(4, 2).init(&Device::flex());
/// let (name, shape, values) = &steepest_burn::named_tensors(&model)[0];
/// assert_eq!((name.as_str(), &shape[..], values.len()), ("weight", &[4, 2][..], 8));
/// ```
pub fn named_tensors<M: Module>(module: &M) -> Vec<NamedTensor> {
    let values = |data: TensorData| data.iter::<f32>().collect();
    let named = |(name, data): (_, TensorData)| (name, data.shape().to_vec(), values(data));
    collect(module).into_iter().map(named).collect()
}

fn collect<M: Module>(module: &M) -> Vec<(String, TensorData)> {
    struct Collect {
        tensors: Vec<(String, TensorData)>,
        path: Path,
    }
    impl ModuleVisitor for Collect {
        follow_path!();
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.tensors.push((self.path.name().to_owned(), param.to_data()));
        }
    }
    let mut collect = Collect { tensors: Vec::new(), path: Path::default() };
    module.visit(&mut collect);
    collect.tensors
}

/// Replaces the values of all float tensors of a module. Devices, element types and gradient
/// settings stay; values are converted to the module's types.
///
/// # Errors
/// [`Error::WeightsMismatch`] with everything that is missing, unknown, given twice or of another
/// shape; nothing is loaded then.
pub fn load_named_tensors<M: Module>(module: &mut M, tensors: &[NamedTensor]) -> Result<()> {
    let mut problems = Vec::new();
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        if values.len() == shape.iter().product::<usize>() {
            data.push((name.clone(), TensorData::new(values.clone(), shape.clone())));
        } else {
            problems.push(format!("`{name}` {shape:?} has {} values", values.len()));
        }
    }
    load(module, data, problems)
}

/// Loads `tensors`, if neither they nor `problems` found before give a reason not to.
fn load<M: Module>(
    module: &mut M,
    tensors: Vec<(String, TensorData)>,
    mut problems: Vec<String>,
) -> Result<()> {
    struct Check<'a> {
        given: &'a BTreeMap<String, TensorData>,
        known: Vec<String>,
        problems: Vec<String>,
        path: Path,
    }
    impl ModuleVisitor for Check<'_> {
        follow_path!();
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (name, shape) = (self.path.name(), param.dims());
            match self.given.get(name) {
                None => self.problems.push(format!("`{name}` {shape:?} is missing")),
                Some(data) if data.shape().as_slice() != shape => self
                    .problems
                    .push(format!("`{name}` is {:?}, expected {shape:?}", data.shape().as_slice())),
                Some(_) => {}
            }
            self.known.push(name.to_owned());
        }
    }
    struct Load {
        given: BTreeMap<String, TensorData>,
        path: Path,
    }
    impl ModuleMapper for Load {
        follow_path!();
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let data = self.given.remove(self.path.name()).expect("every name was checked");
            param.map(|old| {
                let new = Tensor::from_data(data, (&old.device(), old.dtype()));
                if old.is_require_grad() { new.require_grad() } else { new }
            })
        }
    }

    let mut given = BTreeMap::new();
    for (name, data) in tensors {
        if let Some(twice) = given.insert(name.clone(), data) {
            problems.push(format!("`{name}` {:?} is given twice", twice.shape().as_slice()));
        }
    }
    let mut check = Check { given: &given, known: Vec::new(), problems, path: Path::default() };
    module.visit(&mut check);
    let Check { known, mut problems, .. } = check;
    for name in given.keys().filter(|name| !known.contains(name)) {
        problems.push(format!("`{name}` is unknown to the module"));
    }
    if !problems.is_empty() {
        return Err(Error::WeightsMismatch { problems });
    }
    *module = module.clone().map(&mut Load { given, path: Path::default() });
    Ok(())
}

/// Writes the [named tensors](named_tensors) in their own types as a safetensors file: beside `path` first,
/// then renamed, so that a crash leaves the old file or the new one.
///
/// # Errors
/// What the file system says; a tensor of a quantized type, which the format does not know.
pub fn save_weights<M: Module>(module: &M, path: impl AsRef<std::path::Path>) -> Result<()> {
    let path = path.as_ref();
    let failed = |reason: String| Error::File { path: path.display().to_string(), reason };
    Ok(steepest::write_atomically(path, &weights_to_bytes(module).map_err(failed)?)?)
}

/// What [`save_weights`] writes; or the reason why it cannot be had.
pub fn weights_to_bytes<M: Module>(module: &M) -> std::result::Result<Vec<u8>, String> {
    let tensors = collect(module);
    let views = tensors
        .iter()
        .map(|(name, data)| {
            let dtype = FLOATS
                .iter()
                .find(|(burn, _)| *burn == data.dtype())
                .ok_or_else(|| format!("`{name}` is {:?}, which safetensors cannot hold", data.dtype()))?;
            TensorView::new(dtype.1, data.shape().as_slice().to_vec(), data.as_bytes())
                .map(|view| (name, view))
                .map_err(|error| error.to_string())
        })
        .collect::<std::result::Result<Vec<_>, String>>()?;
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// Loads what [`save_weights`] wrote, or any safetensors file with the same names and shapes.
///
/// # Errors
/// What the file system says; a file that is no safetensors; then as [`load_named_tensors`].
pub fn load_weights<M: Module>(module: &mut M, path: impl AsRef<std::path::Path>) -> Result<()> {
    let path = path.as_ref();
    let failed = |reason: String| Error::File { path: path.display().to_string(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let tensors = tensors_of(&bytes).map_err(failed)?;
    load(module, tensors, Vec::new())
}

/// Loads the bytes of such a file.
///
/// # Errors
/// [`Error::Bytes`] for what is no safetensors; then as [`load_named_tensors`].
pub fn weights_from_bytes<M: Module>(module: &mut M, bytes: &[u8]) -> Result<()> {
    let tensors = tensors_of(bytes).map_err(|reason| Error::Bytes { reason })?;
    load(module, tensors, Vec::new())
}

/// The tensors of a file; the reason, if it is none.
fn tensors_of(bytes: &[u8]) -> std::result::Result<Vec<(String, TensorData)>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    file.iter()
        .map(|(name, view)| {
            let dtype = FLOATS
                .iter()
                .find(|(_, file)| *file == view.dtype())
                .ok_or_else(|| format!("`{name}` is {:?}, expected a float type", view.dtype()))?;
            let data = TensorData::from_bytes_vec(view.data().to_vec(), view.shape(), dtype.0);
            Ok((name.to_owned(), data))
        })
        .collect()
}

/// burn's element types and their names in a file.
const FLOATS: [(DType, Dtype); 4] = [
    (DType::F64, Dtype::F64),
    (DType::F32, Dtype::F32),
    (DType::BF16, Dtype::BF16),
    (DType::F16, Dtype::F16),
];
