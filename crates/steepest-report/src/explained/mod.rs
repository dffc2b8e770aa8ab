//! What a network goes by: pictures as files, and the section of a page.

mod bars;
mod beeswarm;
mod curves;
mod dependence;
mod drawn;
mod overlay;
mod pictures;
mod section;
mod waterfall;

pub use pictures::pictures;
pub(crate) use section::section;
