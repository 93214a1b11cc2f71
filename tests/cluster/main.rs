//! What a cluster promises: the real operator process, with the rights that the chart gives it, against a real
//! API server, applied to with the real kubectl. One control plane a test. Run by `make test`.

mod cancellation;
mod confidential;
mod contacts;
mod hard_days;
mod life;
mod losses;
mod mail;
mod passwords;
mod photos;
mod support;
mod transfers;
