//! Choosing a learning rate, or several settings at once, over anything that trains, and saying honestly what the
//! differences between the candidates are worth.

pub mod stats;
