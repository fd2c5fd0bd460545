# docker build -t openemr-conformance .
# docker run --rm -e OPENEMR_ADMIN_PASSWORD -v "$PWD/results:/results" openemr-conformance --target=https://emr.example.org
ARG BASE=python:3.12-slim
FROM $BASE

# curl: OpenEMR's README speaks it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /suite
COPY pyproject.toml constraints.txt LICENSE README.md ./
RUN pip install --no-cache-dir --constraint constraints.txt ".[interop]"
COPY conftest.py ./
COPY conformance conformance
COPY fixtures fixtures
COPY reports reports
RUN python -m compileall -q conformance fixtures reports

RUN useradd --create-home --uid 10001 conformance \
 && install --directory --owner=conformance --mode=0777 /results
USER conformance
ENV OPENEMR_CONFORMANCE_RESULTS=/results \
    PYTEST_ADDOPTS="-p no:cacheprovider" \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /results

ENTRYPOINT ["pytest"]
