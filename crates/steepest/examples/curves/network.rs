//! Small networks over plain slices. Generic, so that the passes that train in f32 are checked in f64.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// f32 or f64.
pub trait Number:
    Copy
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Number for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn wide(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// Random numbers that depend on what they are keyed by, and on nothing else.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(
            seed.wrapping_mul(0xD134_2543_DE82_EF95)
                .wrapping_add(purpose.wrapping_mul(0x2545_F491_4F6C_DD1D)),
        )
    }

    /// In [0, 1); SplitMix64.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Layer {
    /// In place of each number the row of a table that it names.
    Embedding {
        rows: usize,
        width: usize,
    },
    /// Weights are stored (in, out).
    Linear {
        inputs: usize,
        outputs: usize,
    },
    Norm {
        width: usize,
    },
    /// With the tanh.
    Gelu,
    Relu,
}

const NORM_EPS: f64 = 1e-5;

impl Layer {
    /// Name and shape of each tensor.
    fn tensors(self) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            Self::Embedding { rows, width } => vec![("table", vec![rows, width])],
            Self::Linear { inputs, outputs } => {
                vec![("weight", vec![inputs, outputs]), ("bias", vec![outputs])]
            }
            Self::Norm { width } => vec![("gain", vec![width]), ("bias", vec![width])],
            Self::Gelu | Self::Relu => Vec::new(),
        }
    }

    fn forward<T: Number>(self, theta: &[Vec<T>], x: &[T]) -> Vec<T> {
        match self {
            Self::Embedding { width, .. } => {
                x.iter().flat_map(|id| &theta[0][id.wide() as usize * width..][..width]).copied().collect()
            }
            Self::Linear { inputs, outputs } => {
                let mut y = Vec::with_capacity(x.len() / inputs * outputs);
                for x in x.chunks(inputs) {
                    let from = y.len();
                    y.extend_from_slice(&theta[1]);
                    for (x, w) in x.iter().zip(theta[0].chunks(outputs)) {
                        add_scaled(&mut y[from..], *x, w);
                    }
                }
                y
            }
            Self::Norm { width } => {
                let mut y = Vec::with_capacity(x.len());
                for x in x.chunks(width) {
                    let (mean, inverse) = moments(x);
                    let each = x.iter().zip(&theta[0]).zip(&theta[1]);
                    y.extend(each.map(|((x, gain), bias)| (*x - mean) * inverse * *gain + *bias));
                }
                y
            }
            Self::Gelu => x.iter().map(|x| gelu(*x).0).collect(),
            Self::Relu => x.iter().map(|x| if *x > T::default() { *x } else { T::default() }).collect(),
        }
    }

    /// From the gradient of the output `dy` that of the input, and adds those of the tensors to `grad`.
    fn backward<T: Number>(self, theta: &[Vec<T>], x: &[T], dy: &[T], grad: &mut [Vec<T>]) -> Vec<T> {
        match self {
            Self::Embedding { width, .. } => {
                for (id, dy) in x.iter().zip(dy.chunks(width)) {
                    add_scaled(&mut grad[0][id.wide() as usize * width..][..width], T::of(1.0), dy);
                }
                Vec::new() // numbers that name rows have no gradient
            }
            Self::Linear { inputs, outputs } => {
                let mut dx = Vec::with_capacity(x.len());
                for (x, dy) in x.chunks(inputs).zip(dy.chunks(outputs)) {
                    add_scaled(&mut grad[1], T::of(1.0), dy);
                    for (x, dw) in x.iter().zip(grad[0].chunks_mut(outputs)) {
                        add_scaled(dw, *x, dy);
                    }
                    dx.extend(theta[0].chunks(outputs).map(|w| dot(w, dy)));
                }
                dx
            }
            Self::Norm { width } => {
                let mut dx = Vec::with_capacity(x.len());
                let one_of = T::of(1.0 / width as f64);
                for (x, dy) in x.chunks(width).zip(dy.chunks(width)) {
                    let (mean, inverse) = moments(x);
                    let (mut along_one, mut along_x) = (T::default(), T::default());
                    for i in 0..width {
                        let normal = (x[i] - mean) * inverse;
                        grad[0][i] += dy[i] * normal;
                        grad[1][i] += dy[i];
                        along_one += dy[i] * theta[0][i] * one_of;
                        along_x += dy[i] * theta[0][i] * normal * one_of;
                    }
                    dx.extend((0..width).map(|i| {
                        let normal = (x[i] - mean) * inverse;
                        (dy[i] * theta[0][i] - along_one - normal * along_x) * inverse
                    }));
                }
                dx
            }
            Self::Gelu => x.iter().zip(dy).map(|(x, dy)| gelu(*x).1 * *dy).collect(),
            Self::Relu => {
                let each = x.iter().zip(dy);
                each.map(|(x, dy)| if *x > T::default() { *dy } else { T::default() }).collect()
            }
        }
    }
}

/// y ← y + a·x
fn add_scaled<T: Number>(y: &mut [T], a: T, x: &[T]) {
    // half of what a ReLU passes on, and of an image
    if a == T::default() {
        return;
    }
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * *x);
}

/// In eight sums, which the compiler may not make of one.
fn dot<T: Number>(a: &[T], b: &[T]) -> T {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [T::default(); 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(T::default(), |sum, (a, b)| sum + *a * *b);
    sums.into_iter().fold(rest, |sum, x| sum + x)
}

/// Mean, and one over the standard deviation.
fn moments<T: Number>(x: &[T]) -> (T, T) {
    let one_of = T::of(1.0 / x.len() as f64);
    let mean = x.iter().fold(T::default(), |sum, x| sum + *x) * one_of;
    let variance = x.iter().fold(T::default(), |sum, x| sum + (*x - mean) * (*x - mean)) * one_of;
    (mean, T::of(1.0 / (variance.wide() + NORM_EPS).sqrt()))
}

/// The function and its slope. In f64, so that no bit of an f32 depends on the system's `expf`.
fn gelu<T: Number>(x: T) -> (T, T) {
    const ROOT: f64 = 0.797_884_560_802_865_4; // √(2/π)
    let x = x.wide();
    // (1 + tanh u)/2
    let share = 1.0 / (1.0 + (-2.0 * ROOT * (x + 0.044_715 * x * x * x)).exp());
    let slope = 2.0 * ROOT * (1.0 + 3.0 * 0.044_715 * x * x) * share * (1.0 - share);
    (T::of(x * share), T::of(share + x * slope))
}

/// Layers, one after the other, and softmax with cross-entropy behind the last.
#[derive(Debug, Clone)]
pub struct Network(pub Vec<Layer>);

impl Network {
    /// Name and shape of each tensor.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let each = self.0.iter().enumerate();
        each.flat_map(|(i, layer)| {
            layer.tensors().into_iter().map(move |(name, shape)| (format!("{i}.{name}"), shape))
        })
        .collect()
    }

    /// Initial weights: He's variance for weights, 1 for tables, no bias.
    pub fn start(&self, seed: u64) -> Vec<Vec<f64>> {
        let tensors = self.tensors().into_iter().enumerate();
        tensors
            .map(|(i, (name, shape))| {
                let mut draw = Draw::new(seed, i as u64);
                let n = shape.iter().product();
                let mut uniform = |bound: f64| (0..n).map(|_| bound * (2.0 * draw.unit() - 1.0)).collect();
                match name.split_once('.').unwrap().1 {
                    "table" => uniform(3f64.sqrt()),
                    "weight" => uniform((6.0 / shape[0] as f64).sqrt()),
                    "gain" => vec![1.0; n],
                    _ => vec![0.0; n],
                }
            })
            .collect()
    }

    /// What goes into each layer, and what comes out of the last.
    fn forward<T: Number>(&self, theta: &[Vec<T>], input: &[T]) -> Vec<Vec<T>> {
        let (mut values, mut rest) = (vec![input.to_vec()], theta);
        for layer in &self.0 {
            let own;
            (own, rest) = rest.split_at(layer.tensors().len());
            values.push(layer.forward(own, values.last().unwrap()));
        }
        values
    }

    /// The mean loss over a batch; its gradient is written to `grad`.
    pub fn gradient<T: Number>(
        &self,
        theta: &[Vec<T>],
        input: &[T],
        labels: &[usize],
        grad: &mut [Vec<T>],
    ) -> f64 {
        grad.iter_mut().for_each(|grad| grad.fill(T::default()));
        let values = self.forward(theta, input);
        let (loss, mut flow) = cross_entropy(values.last().unwrap(), labels);
        let mut end = theta.len();
        for (layer, x) in self.0.iter().zip(&values).rev() {
            let from = end - layer.tensors().len();
            flow = layer.backward(&theta[from..end], x, &flow, &mut grad[from..end]);
            end = from;
        }
        loss
    }

    /// The mean loss over rows of `width` numbers.
    pub fn loss<T: Number>(&self, theta: &[Vec<T>], input: &[T], width: usize, labels: &[usize]) -> f64 {
        // by parts, which stay in the cache
        let parts = input.chunks(64 * width).zip(labels.chunks(64));
        let sum: f64 = parts
            .map(|(input, labels)| {
                let values = self.forward(theta, input);
                cross_entropy(values.last().unwrap(), labels).0 * labels.len() as f64
            })
            .sum();
        sum / labels.len() as f64
    }
}

/// The mean loss, and its gradient with respect to the logits.
fn cross_entropy<T: Number>(logits: &[T], labels: &[usize]) -> (f64, Vec<T>) {
    let (n, classes) = (labels.len() as f64, logits.len() / labels.len());
    let (mut loss, mut slopes) = (0.0, Vec::with_capacity(logits.len()));
    for (z, label) in logits.chunks(classes).zip(labels) {
        let largest = z.iter().fold(f64::NEG_INFINITY, |most, z| most.max(z.wide()));
        let weights: Vec<f64> = z.iter().map(|z| (z.wide() - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        loss += (total.ln() + largest - z[*label].wide()) / n;
        let each = weights.iter().enumerate();
        slopes.extend(each.map(|(i, w)| T::of((w / total - f64::from(u8::from(i == *label))) / n)));
    }
    (loss, slopes)
}
