# docker build -t openemr-conformance .
# docker run --rm -e OPENEMR_ADMIN_PASSWORD -v "$PWD/results:/results" openemr-conformance --target=https://emr.example.org
ARG BASE=python:3.12-slim
FROM $BASE AS wheel
WORKDIR /suite
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM $BASE
# curl: the commands of OpenEMR's README are run as they are written.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl \
 && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/
COPY docker-entrypoint.sh /usr/local/bin/
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt \
        "$(echo /tmp/wheel/*.whl)[interop]" \
 && rm -r /tmp/wheel \
 && useradd --create-home --uid 10001 conformance \
 && install --directory --owner=conformance --group=conformance /results /work
ENV OPENEMR_CONFORMANCE_RESULTS=/results \
    PYTEST_ADDOPTS="-p no:cacheprovider"
VOLUME /results
# Target files and deviations: docker run -v "$PWD:/work:ro" ... --target=staging.toml
WORKDIR /work

ENTRYPOINT ["docker-entrypoint.sh"]
