//! The verb `mount`: what is mounted is what was archived, by whomever, and stays so when things go wrong.

mod attributes;
mod distant;
mod failing;
mod faults;
mod forms;
mod images;
mod life;
mod reading;
mod scene;
mod table;
