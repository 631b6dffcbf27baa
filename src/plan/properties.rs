//! What holds for plans from arbitrary observations, however contradictory; and where a volume ends up when its plans are
//! carried out one after the other.

mod anything;
mod arbitrary;
mod beside;
mod copying;
mod exports;
mod kind;
mod world;
