//! The API and the page.

pub mod dto;
