# syntax=docker/dockerfile:1

# The binary is static, so it is built on the builder's own platform for any other.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/gocache \
    GOCACHE=/gocache GOOS=$TARGETOS GOARCH=$TARGETARCH make build BIN=/out/actions-runner-manager VERSION=$VERSION COMMIT=$COMMIT \
    && mkdir /out/data

# Certificates, time zones and a user, and nothing that could be run: no shell, no package manager.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="actions-runner-manager" \
      org.opencontainers.image.description="Teams manage their own GitHub Actions runner groups" \
      org.opencontainers.image.source="https://github.com/actions-runner-manager/actions-runner-manager" \
      org.opencontainers.image.documentation="https://github.com/actions-runner-manager/actions-runner-manager#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /out/actions-runner-manager /actions-runner-manager
# config.yml and the SQLite file are looked for in the working folder, the one that is writable.
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /data
VOLUME /data
USER 65532:65532
# Inside a container the loopback address reaches nobody.
ENV ARM_SERVER_ADDRESS=0.0.0.0
# The garbage collector works harder before a container of 256 MiB is full. Set it with the container's limit.
ENV GOMEMLIMIT=230MiB
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/actions-runner-manager", "healthcheck"]
ENTRYPOINT ["/actions-runner-manager"]
CMD ["serve"]
