package demo

import "pulltrail/internal/hub"

// script is what a repository is like and what becomes of it. Days are days before the
// demo begins; 0 is never.
type script struct {
	hub.Repository
	description string
	registered  int // the day

	total   int64   // pulls two years ago
	daily   float64 // pulls on a working day then
	growth  float64 // what these are multiplied by in a year
	weekend float64 // pulls on a day of a weekend, as a part of those on others

	pushEvery int     // days, on average; 1 is every night
	rush      float64 // how many more pulls there are after a push, as a part of the usual

	stars         int64 // two years ago
	starsEachYear float64
	size          int64 // bytes, two years ago
	sizeEachPush  int64

	abandoned int // the day after which nobody pushes, and interest fades
	silent    int // the day from which nobody pulls
	restated  int // the day at whose beginning the total falls
	gone      int // the day from which it does not exist
}

const (
	mega = 1_000_000
	giga = 1_000 * mega
)

// cast is all repositories. Their namespaces have a hyphen, which Docker Hub's do not
// (a Docker ID has letters and digits only): so they exist nowhere, and a glance shows
// that they are made up.
func cast() []script {
	name := func(namespace, name string) hub.Repository {
		return hub.Repository{Namespace: "demo-" + namespace, Name: name}
	}
	return []script{
		{
			Repository: name("harbour", "beacon"), description: "Service discovery that fits on a napkin.", registered: 3300,
			total: 2_870 * mega, daily: 3.6 * mega, growth: 1.22, weekend: 0.64, pushEvery: 24, rush: 0.18,
			stars: 4210, starsEachYear: 390, size: 212 * giga, sizeEachPush: 1900 * mega,
		},
		{
			Repository: name("harbour", "pilot"), description: "Rolls a release out, and back again when it has to.", registered: 1900,
			total: 41 * mega, daily: 62_000, growth: 1.75, weekend: 0.45, pushEvery: 17, rush: 0.9,
			stars: 655, starsEachYear: 410, size: 21 * giga, sizeEachPush: 640 * mega,
		},
		{
			Repository: name("harbour", "tides"), description: "Tide tables as a metrics endpoint.", registered: 1400,
			total: 318_000, daily: 420, growth: 1.1, weekend: 0.8, pushEvery: 45, rush: 1.3,
			stars: 38, starsEachYear: 14, size: 1800 * mega, sizeEachPush: 58 * mega,
		},
		{
			Repository: name("harbour", "logbook"), description: "Keeps logs until you have read them.", registered: 2200,
			total: 8_900_000, daily: 11_800, growth: 1.12, weekend: 0.55, pushEvery: 31, rush: 0.6,
			stars: 241, starsEachYear: 52, size: 9 * giga, sizeEachPush: 310 * mega, restated: 143,
		},
		{
			Repository: name("orchard", "press"), description: "Static sites, squeezed.", registered: 1650,
			total: 2_450_000, daily: 5_200, growth: 1.4, weekend: 0.7, pushEvery: 21, rush: 2.6,
			stars: 180, starsEachYear: 96, size: 4600 * mega, sizeEachPush: 120 * mega,
		},
		{
			Repository: name("orchard", "cellar"), description: "A cache for artefacts. Looking for a maintainer.", registered: 2500,
			total: 5_120_000, daily: 7_400, growth: 1.05, weekend: 0.5, pushEvery: 38, rush: 0.4,
			stars: 97, starsEachYear: 21, size: 3100 * mega, sizeEachPush: 90 * mega, abandoned: 430,
		},
		{
			Repository: name("orchard", "graft"), description: "Database migrations that take. New!", registered: 182,
			daily: 310, growth: 3.2, weekend: 0.6, pushEvery: 12, rush: 1.6,
			starsEachYear: 150, size: 240 * mega, sizeEachPush: 75 * mega,
		},
		{
			Repository: name("lantern", "wick"), description: "A log shipper of 3 MB.", registered: 900,
			total: 61_400, daily: 240, growth: 1.9, weekend: 0.75, pushEvery: 28, rush: 1.1,
			stars: 22, starsEachYear: 31, size: 95 * mega, sizeEachPush: 6 * mega,
		},
		{
			Repository: name("lantern", "glass"), description: "Nightly builds of a dashboard: here be dragons.", registered: 1100,
			total: 730_000, daily: 980, growth: 1.3, weekend: 0.85, pushEvery: 1,
			stars: 51, starsEachYear: 18, size: 38 * giga, sizeEachPush: 41 * mega,
		},
		{
			Repository: name("lantern", "ember"), description: "Superseded by demo-lantern/wick.", registered: 1800,
			total: 204_000, daily: 130, growth: 0.6, weekend: 0.8, pushEvery: 60, rush: 0.3,
			stars: 17, starsEachYear: 3, size: 410 * mega, sizeEachPush: 22 * mega, abandoned: 520, silent: 365,
		},
		{
			Repository: name("quarry", "chisel"), description: "A build image. On Sundays it rests.", registered: 1250,
			total: 17_300_000, daily: 38_000, growth: 1.35, weekend: 0.12, pushEvery: 14, rush: 0.35,
			stars: 88, starsEachYear: 40, size: 66 * giga, sizeEachPush: 1400 * mega,
		},
		{
			Repository: name("quarry", "marble"), description: "Vector tiles, polished.", registered: 1500,
			total: 1_060_000, daily: 2_100, growth: 0.9, weekend: 0.7, pushEvery: 52, rush: 0.5,
			stars: 64, starsEachYear: 9, size: 12 * giga, sizeEachPush: 520 * mega, gone: 10,
		},
	}
}
