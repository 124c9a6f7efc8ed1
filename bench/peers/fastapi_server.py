"""The original's design, written for the benchmark: FastAPI on uvicorn, the record as one line in a rotating log file.

Environment: BENCH_FILE, the log file. Started by scenarios/postback.ts with one worker.
"""

import json
import logging
import os
import socket
import time
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler

from fastapi import FastAPI, Request

# The original's defaults of P2L_ROTBYTES and P2L_ROTBACKUPS.
handler = RotatingFileHandler(os.environ["BENCH_FILE"], maxBytes=10485760, backupCount=5)
handler.setFormatter(logging.Formatter("%(message)s"))
logger = logging.getLogger("postback")
logger.setLevel(logging.INFO)
logger.propagate = False
logger.addHandler(handler)

node_name = socket.gethostname()
worker_proc_id = str(os.getpid())
app = FastAPI()


@app.get("/")
async def healthy():
    return "ok"


@app.post("/postback")
async def postback(request: Request):
    record = dict(request.query_params)
    if await request.body():
        record.update(await request.json())
    now = time.time()
    record["_path"] = request.url.path
    record["_postTimestamp"] = int(now * 1000)
    record["_postDatetimeGMT"] = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    record["_nodeName"] = node_name
    record["_workerProcId"] = worker_proc_id
    logger.info(json.dumps({key: value for key, value in record.items() if value is not None}))
    return {"status": "success"}
