package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/CycloneDX/cyclonedx-go"
)

// complete writes the SBOM of a binary with the licence of each part, and with what is
// embedded. It is the same for the same binary, whatever it was made with.
func complete(in io.Reader, out io.Writer, all []part) error {
	bom := cyclonedx.NewBOM()
	if err := cyclonedx.NewBOMDecoder(in, cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		return fmt.Errorf("read the SBOM: %w", err)
	}
	if bom.Components == nil || bom.Metadata == nil || bom.Metadata.Component == nil || bom.Dependencies == nil {
		return errors.New("the SBOM is not that of a binary: make it with cyclonedx-gomod bin -json -std")
	}
	if tools := bom.Metadata.Tools; tools != nil && tools.Tools != nil {
		for i := range *tools.Tools {
			(*tools.Tools)[i].Hashes = nil // they are of this machine
		}
	}
	known := make(map[string]part, len(all))
	for _, p := range all {
		known[p.name] = p
	}
	known["std"] = known["Go"]
	bom.Metadata.Component.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "MIT"}}}
	embed(bom)
	for i, c := range *bom.Components {
		p, isKnown := known[c.Name]
		if !isKnown || p.version != "" && p.version != c.Version {
			return fmt.Errorf("%s %s is not what is linked today: build the binary anew", c.Name, c.Version)
		}
		(*bom.Components)[i].Licenses = licences(p)
		(*bom.Components)[i].Evidence = nil
	}
	encoder := cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	return encoder.EncodeVersion(bom, bom.SpecVersion)
}

// embed adds what the main component embeds.
func embed(bom *cyclonedx.BOM) {
	purl := "pkg:npm/" + "uplot@" + uPlotVersion
	*bom.Components = append(*bom.Components, cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: uPlotName, Version: uPlotVersion, PackageURL: purl,
	})
	for i, d := range *bom.Dependencies {
		if d.Ref == bom.Metadata.Component.BOMRef && d.Dependencies != nil {
			*(*bom.Dependencies)[i].Dependencies = append(*d.Dependencies, purl)
		}
	}
	*bom.Dependencies = append(*bom.Dependencies, cyclonedx.Dependency{Ref: purl})
}

func licences(p part) *cyclonedx.Licenses {
	if ids := p.licences(); len(ids) == 1 {
		return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: ids[0]}}}
	}
	return &cyclonedx.Licenses{{Expression: p.expression()}}
}
