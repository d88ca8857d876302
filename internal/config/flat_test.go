package config

import (
	"reflect"

	"pulltrail/internal/secret"
)

// flat is every key of c but lists, by path, secrets as texts.
func flat(c Config) map[string]any {
	values := make(map[string]any)
	flatten(reflect.ValueOf(c), "", values)
	return values
}

func flatten(of reflect.Value, path string, into map[string]any) {
	for i := range of.NumField() {
		field := of.Type().Field(i)
		if field.Anonymous {
			flatten(of.Field(i), path, into)
			continue
		}
		if field.Tag.Get("koanf") == "-" {
			continue // no key
		}
		below := join(path, field.Tag.Get("koanf"))
		switch v := of.Field(i).Interface().(type) {
		case secret.String:
			into[below] = v.Reveal()
		default:
			switch kindOf(field.Type, field.Tag.Get("koanf")) {
			case section:
				flatten(of.Field(i), below, into)
			case list:
			default:
				into[below] = v
			}
		}
	}
}
