//! Runs third-party crates on brigade, and shows the glue code that each needs.

mod agnostic;
mod axum;
mod compat;
mod databases;
mod http;
mod http2;
mod hyper_client;
mod programs;
mod quinn;
mod tls;
mod websocket;
