# Pulltrail, alone in its image: a static binary and the certification authorities.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /out/pulltrail . \
    && mkdir /out/data

FROM scratch
LABEL org.opencontainers.image.title="Pulltrail" \
      org.opencontainers.image.description="Keeps the trail of an image's pulls on Docker Hub"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/pulltrail /pulltrail
# A new volume takes the owner from here.
COPY --from=build --chown=5241:5241 /out/data /data
USER 5241:5241
# Inside a container, loopback would be reachable for nobody. So everybody who reaches the
# port may read, all but private repositories; to ask them who they are, set
# PULLTRAIL_WEB_PUBLIC=false, PULLTRAIL_WEB_USERNAME and PULLTRAIL_WEB_PASSWORD_HASH_FILE.
ENV PULLTRAIL_DATA_DIR=/data \
    PULLTRAIL_WEB_LISTEN=0.0.0.0:8080 \
    PULLTRAIL_WEB_PUBLIC=true
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/pulltrail"]
