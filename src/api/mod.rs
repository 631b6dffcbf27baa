//! What users see on the wire: names, kinds, reasons. No logic.

pub mod names;
