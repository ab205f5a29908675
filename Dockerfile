# One image, three parts of the platform: `web`, `worker`, `scheduler`.
FROM python:3.13-slim AS build
WORKDIR /src
# With requirements-spark.txt the worker can run pipelines on a Spark Connect server.
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-spark.txt ./
RUN python -m venv /opt/datalinx \
    && /opt/datalinx/bin/pip install --no-cache-dir --require-hashes -r $REQUIREMENTS
COPY . .
RUN /opt/datalinx/bin/pip install --no-cache-dir --no-deps . \
    && /opt/datalinx/bin/python -m compileall -q /opt/datalinx/lib

FROM python:3.13-slim
# A user without a shell or a password, whose number an operator can give a volume to.
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin datalinx \
    && mkdir -m 700 /data && chown datalinx:datalinx /data
COPY --from=build /opt/datalinx /opt/datalinx
ENV PATH=/opt/datalinx/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATALINX_ENV=production \
    DATALINX_HOME=/data
USER datalinx
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-m", "datalinx.up.probe", "web"]
ENTRYPOINT ["python", "-m", "datalinx.up"]
CMD ["web", "--host", "0.0.0.0", "--port", "8000"]
