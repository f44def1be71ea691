# Everything a clone needs is Python >= 3.11, make and a package index. `make` alone lists the targets.
PYTHON ?= python3
VENV ?= .venv
DATA ?=
CONFIG ?=
BACKBONE ?=
OUT ?=
ARGS ?=

SHELL := /bin/bash
# pip would compile every module of every package, a third of the set-up; Python compiles those that are imported
export PYTHONDONTWRITEBYTECODE :=
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# one thread a worker: two workers on two cores
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal
CHOICES := $(if $(DATA),--root "$(DATA)") $(if $(CONFIG),--config "$(CONFIG)") $(if $(OUT),--out "$(OUT)")

.DEFAULT_GOAL := help
.PHONY: docs gallery golden help setup demo test test-all check lint lines types pretrain finetune-vqa finetune-classification finetune-localization finetune-regions finetune-report finetune-image-text evaluate-grounding evaluate-retrieval rates ablation bench zoo results wheels-check

help: ## list the targets and variables
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  DATA=DIR      real data set (absent: phantoms)       CONFIG=NAME  config of the zoo or a file"
	@echo "  BACKBONE=REF  pre-trained backbone (absent: the newer of outputs/{pretrain,demo}/backbone, else zoo://gk-mvlp-phantom)"
	@echo "  OUT=DIR       where to write (outputs/TARGET)        ARGS=\"...\"   more options of the command"
	@echo "  PYTHON=python3 VENV=.venv                            which Python, and where it is set up"

setup: $(STAMP) ## make .venv with everything in it; a second call installs nothing

$(STAMP): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: Python >= 3.11 is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): make PYTHON=python3.12 ..." >&2; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test]'
	@touch $@

demo: $(STAMP) ## the whole method on phantoms, from nothing to outputs/demo/report.html, in ten to thirty minutes
	$(PY) -m gkmvlp demo $(if $(OUT),--out "$(OUT)") $(ARGS)

test: $(STAMP) ## tests without the slow and the GPU ones
	$(PYTEST) -m "not slow and not gpu"

test-all: $(STAMP) ## all tests
	$(PYTEST)

golden: $(STAMP) ## is every loss and figure of some seeded runs what it was, to the last bit? (12 minutes; ARGS=--record anew)
	$(PY) -m tests.golden $(ARGS)

check: lint types test ## what CI runs

lint: $(STAMP) ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

lines: $(STAMP) ## median and p90 of lines a file and a function: a mirror, no rule
	$(PY) -m tests.lines

# a copy is checked: mypy sees nothing through an editable install, and an unlisted package shows as missing
types: $(STAMP) ## mypy --strict on an installed copy
	@rm -rf build/lib build/bdist* build/types
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target build/types .
	MYPYPATH=build/types $(PY) -m mypy -p gkmvlp

pretrain: $(STAMP) ## pre-train on MIMIC-CXR or Open-i (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp pretrain $(CHOICES) $(ARGS)

finetune-vqa: $(STAMP) ## fine-tune for visual question answering on VQA-RAD or SLAKE (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune vqa $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

finetune-classification: $(STAMP) ## fine-tune for labels on ChestX-ray14 (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune classification $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

finetune-localization: $(STAMP) ## fine-tune a detector of boxes on the RSNA challenge (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune localization $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

finetune-regions: $(STAMP) ## fine-tune a detector of the 29 regions on Chest ImaGenome (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune regions $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

finetune-image-text: $(STAMP) ## fine-tune for classes of figures with captions on MELINDA (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune image_text $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

finetune-report: $(STAMP) ## fine-tune for report generation on MIMIC-CXR or Open-i (DATA=) or on phantoms, and test
	$(PY) -m gkmvlp finetune report $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

evaluate-grounding: $(STAMP) ## where prompts look, against boxes of RSNA Pneumonia, SLAKE or MS-CXR (DATA=) or of phantoms; no training
	$(PY) -m gkmvlp evaluate grounding $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

evaluate-retrieval: $(STAMP) ## reports by images and images by reports of MIMIC-CXR or Open-i (DATA=) or of phantoms; no training
	$(PY) -m gkmvlp evaluate retrieval $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

rates: $(STAMP) ## choose the learning rates of a config (CONFIG=NAME) on validation phantoms, or on DATA= from BACKBONE=
	$(PY) -m gkmvlp experiment learning-rate --record docs/results $(CHOICES) $(if $(BACKBONE),--backbone "$(BACKBONE)") $(ARGS)

ablation: $(STAMP) ## leave parts of the grounded knowledge out and measure every task on phantoms; goes on where it stopped
	$(PY) -m gkmvlp experiment ablation $(if $(OUT),--out "$(OUT)") $(ARGS)

zoo: $(STAMP) ## train, measure and publish the models that come with the package, in about half an hour
	$(PY) -m gkmvlp zoo make $(if $(OUT),--out "$(OUT)") $(ARGS)

bench: $(STAMP) ## speed and memory of a pre-training step, the report writer, the phantom writer, the report reader, the images
	$(PY) -m gkmvlp bench --what model reference generation phantom reports images $(if $(CONFIG),--config "$(CONFIG)") \
		--out "$(or $(OUT),outputs/bench)/results.json" $(ARGS)

results: $(STAMP) ## write docs/results.md from docs/results/*.json
	$(PY) -m gkmvlp experiment results $(ARGS)

gallery: $(STAMP) ## draw the pictures of docs/gallery.md from phantoms, without training
	$(PY) -m tests.gallery

# mkdocs reads the modules, it does not run them; the four folders become one package in build/docs-package
docs: $(STAMP) ## the site of the documentation in build/site; a broken link stops it
	$(PY) -c 'import material, mkdocstrings' 2>/dev/null || \
		$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[docs]'
	@rm -rf build/docs-package && mkdir -p build/docs-package/gkmvlp
	@ln -s $(CURDIR)/src/gkmvlp/* $(CURDIR)/data_modules $(CURDIR)/tasks $(CURDIR)/zoo build/docs-package/gkmvlp/
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet --site-dir build/site $(ARGS)
	@echo "build/site/index.html"

wheels-check: $(STAMP) ## do Python 3.12 and 3.13 have wheels of every dependency?
	@for version in 3.12 3.13; do \
		echo "Python $$version"; \
		$(PY) -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --target build/none \
			--only-binary=:all: --python-version $$version . || exit 1; \
	done; echo "wheels for all"
