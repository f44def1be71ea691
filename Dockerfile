# gkmvlp on processors: the program, its page in the browser and the way to a DICOM archive.
#
#   docker build --tag gkmvlp .
#   docker run --rm gkmvlp --help
FROM python:3.12.12-slim-bookworm

# what is installed beside the package; see setup.cfg
ARG EXTRAS=export,serve,dicom
# where torch without CUDA lies, a tenth of the size
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

# torch in a layer of its own: it is not fetched anew when the package changes
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch>=2.11" "torchvision>=0.26"

WORKDIR /src
COPY setup.cfg setup.py pyproject.toml README.md LICENSE ./
COPY src ./src
COPY data_modules ./data_modules
COPY tasks ./tasks
COPY zoo ./zoo
# hadolint ignore=DL3013 # this is the package itself
RUN pip install --no-cache-dir ".[${EXTRAS}]" && rm -rf /src/*

# nothing that reads files of others runs as root; models that are fetched lie below its home
RUN useradd --create-home --uid 10001 gkmvlp
USER 10001
WORKDIR /home/gkmvlp

EXPOSE 7860
ENTRYPOINT ["gkmvlp"]
CMD ["--help"]
