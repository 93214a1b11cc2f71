# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# All that Cargo.toml names must be there, the benchmark too; migrations/ becomes part of the program.
COPY Cargo.toml Cargo.lock ./
COPY benches benches
COPY migrations migrations
COPY src src
# target/ is not kept between builds: Cargo goes by the times of files, and would miss a migration that was added.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/rollcall /usr/local/bin/rollcall
# By number: Kubernetes can't tell from a name that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/rollcall"]
CMD ["operator"]
