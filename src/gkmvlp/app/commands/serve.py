"""Open a local page in the browser that reads radiographs: findings, places, report, questions.

Several models may be named after --model, one for each part of a reading: a backbone (findings, heat maps), a model for
labels, for boxes, for reports, for questions. A fine-tuned one brings the backbone that it came from. Those after
--compare stand beside them. The page is for this computer alone unless --host names another address, which needs
--token. Uploads are deleted when they have been read. Nothing is sent anywhere but to the server of --dicomweb, where
studies are opened and readings stored; who asks is taken from the environment, as by gkmvlp predict.

Needs the extra "serve", and "dicom" for --dicomweb: pip install 'gkmvlp[serve,dicom]'.

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_device_argument, add_reading_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare models, address and limits."""
    described = "zoo://NAME, or folder of a backbone, a model or their run; several: one for each part"
    parser.add_argument("--model", metavar="REF", nargs="+", required=True, help=described)
    parser.add_argument("--compare", metavar="REF", nargs="+", default=[], help="models that are shown beside them")
    parser.add_argument("--index", metavar="FILE", type=Path, help="index of near images, by gkmvlp index")
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=int, default=7860, help="its port; 0 takes a free one (7860)")
    parser.add_argument("--token", metavar="TEXT", help="secret that a browser has to show; needed by other addresses")
    parser.add_argument("--max-mb", metavar="N", type=float, default=64, help="largest upload in MB (64)")
    parser.add_argument(
        "--per-minute", metavar="N", type=int, default=60, help="readings and questions of one client (60)"
    )
    archive = "DICOMweb server: studies are opened there and readings stored, such as http://127.0.0.1:8042/dicom-web"
    parser.add_argument("--dicomweb", metavar="URL", help=archive)
    add_reading_arguments(parser)
    add_device_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl+C."""
    from gkmvlp.app.serving.server import Options, serve

    serve(
        Options(
            models=arguments.model,
            compare=arguments.compare,
            index=arguments.index,
            host=arguments.host,
            port=arguments.port,
            token=arguments.token,
            device=arguments.device,
            at=arguments.at,
            max_mb=arguments.max_mb,
            per_minute=arguments.per_minute,
            gate=arguments.gate,
            dicomweb=arguments.dicomweb,
        )
    )
    return 0
