//! Crates of others over brigade: what each needs, and that it works.

mod agnostic;
mod axum;
mod compat;
mod databases;
mod http;
mod http2;
mod hyper_client;
mod quinn;
mod tls;
mod websocket;
