package main

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for name, test := range map[string]struct {
		numbers []float64
		want    float64
	}{
		"of one is that one":                      {[]float64{7}, 7},
		"of an odd number is the middle":          {[]float64{9, 1, 5}, 5},
		"of an even number is between the middle": {[]float64{4, 1, 3, 2}, 2.5},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.numbers)
			if got := median(test.numbers); got != test.want {
				t.Errorf("median(%v) = %v, want %v", test.numbers, got, test.want)
			}
			if !slices.Equal(test.numbers, before) {
				t.Errorf("the numbers were reordered: %v", test.numbers)
			}
		})
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for name, test := range map[string]struct {
		numbers []float64
		p, want float64
	}{
		"the 50th of a hundred":            {hundred, 50, 50},
		"the 99th of a hundred":            {hundred, 99, 99},
		"the 100th is the largest":         {hundred, 100, 100},
		"a rank is rounded up":             {[]float64{1, 2, 3}, 50, 2},
		"the 99th of few is the largest":   {[]float64{1, 2, 3}, 99, 3},
		"the lowest is the smallest":       {[]float64{5, 4}, 0.1, 4},
		"any of one number is that number": {[]float64{6}, 90, 6},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(test.numbers, test.p); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got := percentile(nil, 50); !math.IsNaN(got) {
		t.Errorf("percentile of nothing = %v, want NaN", got)
	}
}
