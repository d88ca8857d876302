package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	// brokersKey is the meta value with the brokers that do not support MQTT 5, the one that
	// was checked last first.
	brokersKey = "brokers_without_mqtt5"
	// maxBrokers bounds them: the one whose last check is the oldest is removed.
	maxBrokers = 32
)

type olderBroker struct {
	URL     string    `json:"url"`
	Checked time.Time `json:"checked"`
}

// MQTT5Rejected returns when a check last found that the broker at url does not support MQTT 5;
// the zero time when none did.
func (s *Store) MQTT5Rejected(ctx context.Context, url string) (time.Time, error) {
	text, _, err := s.Meta(ctx, brokersKey)
	if err != nil {
		return time.Time{}, err
	}
	brokers, err := parseBrokers(text)
	for _, b := range brokers {
		if b.URL == url {
			return b.Checked, err
		}
	}
	return time.Time{}, err
}

// SetMQTT5Rejected stores the time of such a check. The zero time removes the broker. 32 brokers
// are kept.
func (s *Store) SetMQTT5Rejected(ctx context.Context, url string, checked time.Time) error {
	err := s.updateMeta(ctx, brokersKey, func(text string) (string, error) {
		brokers, err := parseBrokers(text)
		if err != nil {
			return "", err
		}
		brokers = slices.DeleteFunc(brokers, func(b olderBroker) bool { return b.URL == url })
		if !checked.IsZero() {
			brokers = slices.Insert(brokers, 0, olderBroker{url, checked.UTC()})
		}
		encoded, err := json.Marshal(brokers[:min(len(brokers), maxBrokers)])
		return string(encoded), err
	})
	return wrap(err, "store the MQTT version of %s", url)
}

func parseBrokers(text string) (brokers []olderBroker, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &brokers); err != nil {
		return nil, fmt.Errorf("read the brokers without MQTT 5: %w", err)
	}
	return brokers, nil
}
