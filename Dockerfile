# Pulltrail, alone in its image: a static binary with the time zones in it, and the
# certification authorities.
#
#   docker build -t pulltrail .                     # for this machine
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 .
#
# The same sources give the same image, if SOURCE_DATE_EPOCH is the same too
# (buildah: --timestamp).

# Any image with Go, a shell and /etc/ssl/certs/ca-certificates.crt.
ARG BUILD_IMAGE=docker.io/library/golang:1.26-bookworm

# It runs on the machine that builds and compiles for the others.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux TARGETARCH TARGETVARIANT
ARG VERSION=dev REVISION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -buildvcs=false -o /out/pulltrail \
    -ldflags "-s -w -X pulltrail/internal/version.number=$VERSION -X pulltrail/internal/version.revision=$REVISION" . \
    && mkdir /out/data /out/pulltrail.d

FROM scratch
ARG VERSION=dev REVISION
LABEL org.opencontainers.image.title="Pulltrail" \
      org.opencontainers.image.description="Keeps the trail of an image's pulls on Docker Hub" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/pulltrail /pulltrail
# A config.yaml that is mounted here is read; so are files that it names without a path.
COPY --from=build /out/pulltrail.d /etc/pulltrail
WORKDIR /etc/pulltrail
# A new volume takes the owner from here. Nothing else is written, so the root may be
# read-only.
COPY --from=build --chown=5241:5241 /out/data /data
USER 5241:5241
# Inside a container, loopback would be reachable for nobody. So everybody who reaches the
# port may read, all but private repositories; to ask them who they are, set
# PULLTRAIL_WEB_PUBLIC=false, PULLTRAIL_WEB_USERNAME and PULLTRAIL_WEB_PASSWORD_HASH_FILE.
# The embedded broker stays on loopback. Large queries may need room for temporary files.
ENV PULLTRAIL_DATA_DIR=/data \
    PULLTRAIL_WEB_LISTEN=:8080 \
    PULLTRAIL_WEB_PUBLIC=true \
    TMPDIR=/data
VOLUME /data
EXPOSE 8080
# An engine that builds images in OCI's format leaves this out: see deploy/compose for it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/pulltrail", "healthcheck"]
ENTRYPOINT ["/pulltrail"]
