.DEFAULT_GOAL := help
interop := mosquitto mosquitto-faults nats aedes rabbitmq hivemq artemis moquette amqtt homeassistant
.PHONY: help build run test race lint bench fuzz integration testbed-up testbed-down notices sbom vulnerabilities release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./pulltrail
	CGO_ENABLED=0 go build -trimpath .

run: ## run the daemon with config.yaml
	go run .

test: ## the tests that need nothing but Go
	go test ./...

race: ## the same with the race detector
	go test -race ./...

lint: ## go vet and golangci-lint
	go vet -tags integration ./...
	golangci-lint run ./...

bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME each (default: 25s)
	.ci/fuzz

integration: testbed-up ## the tests against the real servers of the testbed, which are stopped at the end
	trap 'testbed/testbed.sh down' EXIT; eval "$$(testbed/testbed.sh env)"; go test -tags integration -count=1 ./...

interop: ## the conformance test against all brokers of the testbed, and Home Assistant
	trap 'testbed/testbed.sh down interop' EXIT; \
	for server in $(interop); do testbed/testbed.sh up $$server || echo "skipped: $$server was not started"; done; \
	eval "$$(testbed/testbed.sh env)"; \
		go test -tags integration -count=1 -timeout 30m -v -run '^(TestBrokers|TestHomeAssistantShowsTheSensors)$$' ./internal/faulttest ./app

testbed-up: ## start the real servers
	testbed/testbed.sh up

testbed-down: ## stop them
	testbed/testbed.sh down

notices: ## write THIRD_PARTY_NOTICES anew
	go run ./deploy/licences notices >notices.tmp && mv notices.tmp THIRD_PARTY_NOTICES

sbom: ## build ./pulltrail, and list what it is made of in pulltrail.cdx.json
	deploy/release/binary.sh pulltrail "$$(go env GOHOSTOS)" "$$(go env GOHOSTARCH)" 0.0.0
	deploy/release/sbom.sh pulltrail 0.0.0 >pulltrail.cdx.json

vulnerabilities: ## look for known ones in what the program calls
	.ci/vulnerabilities

release: ## build everything of the tag that is checked out, in deploy/release/out
	deploy/release/build.sh
