# SPDX-License-Identifier: Apache-2.0
# The image of Salve: docker build -t salve .
# Where no image registry is reachable, hack/docker-base makes the base image, and the build needs
# `--network host`.

FROM debian:bookworm-slim AS deps
WORKDIR /src
COPY hack/lib hack/lib
COPY hack/install-deps hack/install-deps
RUN hack/install-deps --build-only && rm -rf /var/lib/apt/lists/*

FROM deps AS build
COPY . .
RUN cmake --preset release -DSALVE_TESTS=OFF \
 && cmake --build build/release --target salve \
 && install -D --strip build/release/bin/salve /out/salve
# The packages that own the shared libraries of the program: the next stage installs these only.
RUN ldd /out/salve | awk '$2 == "=>" { print $3 }' | while read -r library; do \
      dpkg-query --search "*/$(basename "$(realpath "$library")")"; \
    done | cut -d : -f 1 | sort -u >/out/packages \
 && test -s /out/packages

FROM debian:bookworm-slim
COPY --from=build /out/packages /tmp/packages
# Certificates for outbound TLS; time zones for the windows of policies.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates tzdata $(cat /tmp/packages) >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /tmp/packages \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/salve
COPY --from=build /out/salve /usr/local/bin/salve
COPY LICENSE /usr/share/doc/salve/LICENSE
# Not root, and in no group that may use the Docker socket: give `--group-add` its group's number.
USER 65532:65532
VOLUME /var/lib/salve
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["salve", "healthz", "--url", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["salve"]
CMD ["standalone", "--data-dir", "/var/lib/salve"]
