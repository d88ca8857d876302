package svg

import "math"

// scale maps values to heights between 0, at the bottom, and 1.
type scale struct {
	top float64
	log bool
}

// upTo is a scale for values from zero to most, with its ticks, of which there are no
// more than room has and at least two. A linear one has four or five where it can.
func upTo(most int64, log bool, room int) (scale, []float64) {
	if log {
		return logarithmic(most, room)
	}
	intervals := max(1, min(4, room-1))
	step := nice(float64(most) / float64(intervals))
	n := max(1, int(math.Ceil(float64(most)/step)))
	ticks := make([]float64, 0, n+1)
	for i := range n + 1 {
		ticks = append(ticks, float64(i)*step)
	}
	return scale{top: ticks[n]}, ticks
}

// nice is the smallest step that is at least raw and that people count in. It is whole.
func nice(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(raw, 1))))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if step := factor * power; step >= raw && step == math.Trunc(step) {
			return step
		}
	}
	return 10 * power
}

// logarithmic has zero at the bottom, as there are days without pulls: it is that of
// the value and one. Its ticks are powers of ten, as far apart as room asks for.
func logarithmic(most int64, room int) (scale, []float64) {
	decades := 1
	for math.Pow10(decades) < float64(most) {
		decades++
	}
	intervals := max(1, min(5, room-1))
	every := (decades + intervals - 1) / intervals
	ticks := []float64{0}
	for d := decades - (decades-1)/every*every; d <= decades; d += every {
		if d*room >= decades {
			ticks = append(ticks, math.Pow10(d))
		}
	}
	return scale{top: math.Pow10(decades), log: true}, ticks
}

func (s scale) height(v float64) float64 {
	if s.log {
		return math.Log1p(v) / math.Log1p(s.top)
	}
	return v / s.top
}
