# The commands of the project. Each first sets up what it needs, in .venv and .cache.
.PHONY: help run test test-fast test-engines lint bench docs binary image dist clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## watch the local engine; with a configuration: make run ARGS="--config FILE"
	@scripts/setup.sh run
	@.venv/bin/tidegauge $(ARGS)

test: ## everything, with real servers; installs Debian packages when root
	@scripts/setup.sh test
	@.venv/bin/python scripts/test-levels

test-engines: ## more engines: Podman 4 and 5, Docker 26; fetches a newer Debian once
	@scripts/setup.sh engines
	@.venv/bin/python scripts/test-levels engines

test-fast: ## what needs neither root nor real servers
	@scripts/setup.sh fast
	@.venv/bin/python scripts/test-levels lint unit

lint: ## format, lint and types
	@scripts/setup.sh fast
	@.venv/bin/python scripts/test-levels lint

bench: ## measurements, an hour; a part: make bench ARGS=kernels; a short run: BENCH_QUICK=1
	@scripts/setup.sh bench
	@.venv/bin/python bench $(ARGS)

docs: ## the documentation as a site, site/index.html
	@scripts/setup.sh docs
	@.venv/bin/python scripts/build-docs

binary: ## the program with its Python as one file, dist/tidegauge
	@scripts/build-binary

image: ## the container image, without any registry: tidegauge:latest
	@scripts/build-image

dist: ## wheel and source archive, in dist
	@scripts/setup.sh dist
	@.cache/dist/bin/python -m build --no-isolation --outdir dist

clean: ## remove everything made here, the set-up included
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
