# The two commands: `make demo` and `make test`. Both set up everything they need first.
.DEFAULT_GOAL := help
.PHONY: help demo test setup lint unit docs bench lock clean

PYTHON := .venv/bin/python
export PYTHONDONTWRITEBYTECODE := 1

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## From this clone to a running virtual machine and its page (ONCE=1: and end with one line of JSON)
	@tools/setup demo
	@$(PYTHON) tools/demo $(if $(ONCE),--once)

test: ## Set up everything and run all checks and tests
	@tools/setup test
	@tools/check
	@tools/test

setup: ## Only install what development needs
	@tools/setup test

lint: ## Formatting, lint, types; Python and the page
	@tools/check

unit: ## The quick tests
	@$(PYTHON) -m pytest tests/unit

docs: ## Write the generated reference pages anew
	@$(PYTHON) tools/reference.py

bench: ## Measure, side by side with what one would use instead
	@$(PYTHON) -m bench

lock: ## Choose newest versions of all Python packages anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-package skerry-kickstart --no-emit-package skerry \
	  -q -o requirements.lock

clean: ## Remove what was made here; machines, images and data stay
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache web/node_modules web/dist
