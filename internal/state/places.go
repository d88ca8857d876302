package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

const (
	// placesKey is the meta value with the places, the one that was set last first.
	placesKey = "places"
	// maxPlaces bounds them: of what was broken off and never taken up again, the oldest
	// is forgotten.
	maxPlaces = 32
)

type place struct {
	Source string `json:"source"`
	Place  string `json:"place"`
}

// Place is how far the reading of source had come when it was broken off; ok is false
// where it was not.
func (s *Store) Place(ctx context.Context, source string) (at string, ok bool, err error) {
	text, _, err := s.Meta(ctx, placesKey)
	if err != nil {
		return "", false, err
	}
	places, err := parsePlaces(text)
	for _, p := range places {
		if p.Source == source {
			return p.Place, true, err
		}
	}
	return "", false, err
}

// SetPlace notes how far the reading of source has come. Of the sources, 32 are kept.
func (s *Store) SetPlace(ctx context.Context, source, at string) error {
	return s.changePlaces(ctx, source, []place{{source, at}})
}

// ForgetPlace notes that source was read to its end.
func (s *Store) ForgetPlace(ctx context.Context, source string) error {
	return s.changePlaces(ctx, source, nil)
}

// changePlaces puts others in front, in place of what is known of source.
func (s *Store) changePlaces(ctx context.Context, source string, others []place) error {
	err := s.updateMeta(ctx, placesKey, func(text string) (string, error) {
		places, err := parsePlaces(text)
		if err != nil {
			return "", err
		}
		places = slices.DeleteFunc(places, func(p place) bool { return p.Source == source })
		places = slices.Concat(others, places)
		encoded, err := json.Marshal(places[:min(len(places), maxPlaces)])
		return string(encoded), err
	})
	return wrap(err, "keep the place in %s", source)
}

func parsePlaces(text string) (places []place, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &places); err != nil {
		return nil, fmt.Errorf("read the places in sources: %w", err)
	}
	return places, nil
}
