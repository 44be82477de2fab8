# Tidegauge with its Python and the libraries it needs, and nothing else: no shell, no package
# manager. docs/deploy.md says how to run it.
#
#   docker build --build-arg VERSION=0.1.0 --tag tidegauge .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag NAME:TAG --push .
#
# Without a registry: make image, which builds the first stage on this machine.

# Any image of Debian or Ubuntu with Python 3.11 or newer will do.
ARG BASE=python:3.13-slim
FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY scripts scripts
COPY src/tidegauge/__init__.py src/tidegauge/
RUN scripts/setup.sh binary
COPY deploy/tidegauge.spec deploy/environment_hook.py deploy/
COPY src src
RUN scripts/build-root /image

FROM scratch
ARG VERSION=
LABEL org.opencontainers.image.title="Tidegauge" \
    org.opencontainers.image.description="What Docker containers use: every container, every second" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}"
COPY --from=build /image/ /
# Where history goes, unless the configuration says otherwise, and temporary files: it is the only
# folder that is written to, so the rest can be read-only.
ENV STATE_DIRECTORY=/var/lib/tidegauge \
    TMPDIR=/var/lib/tidegauge \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    LANG=C.UTF-8
WORKDIR /var/lib/tidegauge
VOLUME /var/lib/tidegauge
# A number, so that Kubernetes sees that it is not root's.
USER 8470:8470
EXPOSE 8470
# Asks where TIDEGAUGE_WEB_LISTEN says, not a configuration file: set the address there.
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s CMD ["tidegauge", "health"]
ENTRYPOINT ["tidegauge"]
CMD ["run"]
