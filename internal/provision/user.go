package provision

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pulltrail/internal/search"
	"pulltrail/internal/secret"
)

// user is an internal user of the security plugin. Without a password in a request, the
// one that the user has stays.
type user struct {
	Password     secret.String     `json:"password,omitzero"`
	Description  string            `json:"description"`
	BackendRoles []string          `json:"backend_roles,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	// Roles are those that the user has without a mapping.
	Roles []string `json:"opendistro_security_roles,omitempty"`
}

// revealed is the body with the password in it, for the wire alone.
func (u user) revealed() any {
	return struct {
		user
		Password string `json:"password,omitempty"`
	}{u, u.Password.Reveal()}
}

// user plans a user.
func (p *Plan) user(ctx context.Context, a Account) error {
	want := user{Password: a.Password, Description: "The user of Pulltrail's role " + a.Role + ". " + mark}
	step := Step{Kind: "user", Name: a.User, Action: Create, Path: "/_plugins/_security/api/internalusers/" + url.PathEscape(a.User)}
	var there map[string]struct {
		user
		protection
	}
	found, err := p.get(ctx, step.Path, &there)
	if err != nil {
		return fmt.Errorf("user %s: %w", a.User, err)
	}
	if has := there[a.User]; found {
		ours := strings.Contains(has.Description, mark)
		if err := p.mayChange(step, ours, has.protection, "configure another"); err != nil {
			return err
		}
		known, err := p.logsIn(ctx, a)
		if err != nil {
			return fmt.Errorf("user %s: whether the password has changed: %w", a.User, err)
		}
		step.Action = Update
		switch {
		case known && has.Description == want.Description:
			step.Action = Keep
		case known:
			want.Password = secret.String{}
		default:
			step.Note = "the password has changed"
		}
		// What others gave the user stays; Verify tells what it amounts to.
		want.BackendRoles, want.Attributes, want.Roles = has.BackendRoles, has.Attributes, has.Roles
	}
	step.Body = want
	p.Steps = append(p.Steps, step)
	return nil
}

// logsIn reports whether the user has the password.
func (p *Plan) logsIn(ctx context.Context, a Account) (bool, error) {
	client, err := p.opts.Login(a.User, a.Password)
	if err != nil {
		return false, err
	}
	_, err = client.Identity(ctx)
	var refused *search.Error
	if errors.As(err, &refused) && refused.Class == search.Unidentified {
		return false, client.Close()
	}
	return err == nil, errors.Join(err, client.Close())
}

// mapping is who has a role.
type mapping struct {
	Users           []string `json:"users"`
	BackendRoles    []string `json:"backend_roles,omitempty"`
	AndBackendRoles []string `json:"and_backend_roles,omitempty"`
	Hosts           []string `json:"hosts,omitempty"`
	Description     string   `json:"description,omitempty"`
}

// mapping plans that the user has the role; others who have it keep it.
func (p *Plan) mapping(ctx context.Context, a Account) error {
	step := Step{Kind: "role mapping", Name: a.Role, Action: Create, Path: "/_plugins/_security/api/rolesmapping/" + url.PathEscape(a.Role)}
	var there map[string]struct {
		mapping
		protection
	}
	found, err := p.get(ctx, step.Path, &there)
	if err != nil {
		return fmt.Errorf("role mapping %s: %w", a.Role, err)
	}
	has := there[a.Role]
	if found {
		if err := p.mayChange(step, true, has.protection, "choose another name with --role or --reader-role"); err != nil {
			return err
		}
		step.Action = Update
		others := slices.Concat(has.Users, has.BackendRoles, has.AndBackendRoles, has.Hosts)
		if others = slices.DeleteFunc(others, func(name string) bool { return name == a.User }); len(others) > 0 {
			step.Note = "others have the role too: " + strings.Join(others, ", ")
		}
	}
	if slices.Contains(has.Users, a.User) {
		step.Action = Keep
	} else {
		has.Users = append(has.Users, a.User)
	}
	step.Body = has.mapping
	p.Steps = append(p.Steps, step)
	return nil
}

// Verify asks as a user what roles the cluster sees, which must have role among them. The
// others are those that the user has besides.
func Verify(ctx context.Context, as *search.Client, role string) (others []string, err error) {
	who, err := as.Identity(ctx)
	if errors.Is(err, search.ErrNoSecurity) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(who.Roles, role) {
		return nil, fmt.Errorf("the user %s does not have the role %s, only: %s", who.Name, role, strings.Join(who.Roles, ", "))
	}
	return slices.DeleteFunc(slices.Clone(who.Roles), func(name string) bool { return name == role }), nil
}
