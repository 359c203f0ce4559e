//! Spans of runs made by hand.
