//! What holds for plans from arbitrary observations, however contradictory; and where a volume ends up when its plans are
//! carried out one after the other.

mod anything;
mod arbitrary;
mod beside;
mod consent;
mod copying;
mod deciding;
mod exports;
mod kind;
mod mounting;
mod world;
