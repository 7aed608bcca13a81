# SPDX-License-Identifier: Apache-2.0
"""Discovery, OpenAPI and version: what is said of our own group, and the forms of the rest."""
from lib.case import GROUP, case

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _version_out(items, *keys):
    return [{key: sorted(value) if key == "verbs" else value for key, value in item.items()
             if key not in keys} for item in items]


@case("the resources of our group")
def _(api):
    answer = api.get(GROUP, quiet=True)
    body = answer.json
    body["resources"] = sorted(_version_out(body["resources"], "storageVersionHash"), key=lambda r: r["name"])
    api.note("resources", [answer.code, answer.header("content-type"), body])


@case("our group")
def _(api):
    api.get("/apis/salve.dev")


@case("our group in the list of groups")
def _(api):
    answer = api.get("/apis", quiet=True)
    api.note("groups", [answer.code, answer.header("content-type"), answer.json["kind"],
                        [group for group in answer.json["groups"] if group["name"] == "salve.dev"]])


@case("the versions of the core group")
def _(api):
    body = api.get("/api", quiet=True).json
    api.note("versions", [body["kind"], body["versions"]])


@case("the resources of the core group that we serve")
def _(api):
    body = api.get("/api/v1", quiet=True).json
    mine = [r for r in body["resources"] if r["name"] in ("configmaps", "secrets", "namespaces", "events")]
    api.note("resources", [body["kind"], body["groupVersion"],
                           sorted(_version_out(mine, "storageVersionHash"), key=lambda r: r["name"])])


@case("the resources of leases and reviews")
def _(api):
    for path, names in (("/apis/coordination.k8s.io/v1", ("leases",)),
                        ("/apis/authorization.k8s.io/v1", ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
                        ("/apis/authentication.k8s.io/v1", ("selfsubjectreviews",))):
        body = api.get(path, quiet=True).json
        api.note(path, [body["kind"], body["groupVersion"],
                        [r for r in _version_out(body["resources"], "storageVersionHash") if r["name"] in names]])


@case("groups are sorted by name in what each is")
def _(api):
    for name in ("coordination.k8s.io", "authorization.k8s.io", "authentication.k8s.io"):
        answer = api.get(f"/apis/{name}", quiet=True)
        api.note(name, [answer.code, answer.json["kind"], answer.json["apiVersion"], answer.json["preferredVersion"]])


@case("our group, aggregated")
def _(api):
    answer = api.get("/apis", accept=AGGREGATED, quiet=True)
    mine = [item for item in answer.json["items"] if item["metadata"]["name"] == "salve.dev"]
    for item in mine:
        item["metadata"].pop("creationTimestamp", None)
        for version in item["versions"]:
            version["resources"] = sorted(_version_out(version["resources"]), key=lambda r: r["resource"])
    api.note("aggregated", [answer.code, answer.header("content-type"), answer.json["kind"],
                            answer.json["apiVersion"], mine])


@case("the core group, aggregated")
def _(api):
    answer = api.get("/api", accept=AGGREGATED, quiet=True)
    kinds = {r["resource"]: r for r in answer.json["items"][0]["versions"][0]["resources"]}
    api.note("aggregated", [answer.code, answer.header("content-type"), len(answer.json["items"]),
                            [kinds[name] for name in ("configmaps", "events", "namespaces", "secrets")]])


@case("aggregated discovery falls back to the plain form where that is asked for")
def _(api):
    for accept in ("application/json", f"{AGGREGATED},application/json", f"application/json,{AGGREGATED}",
                   "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json",
                   "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"):
        answer = api.get("/apis", accept=accept, quiet=True)
        api.note(accept, [answer.code, answer.header("content-type"), answer.json["kind"]])


@case("discovery that has not changed is 304")
def _(api):
    first = api.get("/apis", accept=AGGREGATED, quiet=True)
    again = api.get("/apis", accept=AGGREGATED, quiet=True,
                    headers={"If-None-Match": first.header("etag")[0]})
    api.note("again", [bool(first.header("etag")), again.code, again.body.decode(), first.header("vary")])


@case("discovery is read only")
def _(api):
    for path in ("/api", "/apis", GROUP):
        for method in ("POST", "DELETE"):
            answer = api.request(method, path, body={}, quiet=True)
            api.note(f"{method} {path}", answer.code)


@case("the index of OpenAPI v3 names our group")
def _(api):
    body = api.get("/openapi/v3", quiet=True).json
    api.note("paths", [sorted(body), [path for path in body["paths"] if "salve.dev" in path],
                       body["paths"]["apis/salve.dev/v1alpha1"]["serverRelativeURL"].split("?")[0]])


def _document(api):
    return api.get("/openapi/v3/apis/salve.dev/v1alpha1", quiet=True).json


@case("OpenAPI v3: the paths and methods of our group")
def _(api):
    document = _document(api)
    api.note("head", [document["openapi"], bool(document["info"]["title"])])
    api.note("paths", {path: sorted(method for method in item if method in (
        "get", "put", "post", "patch", "delete")) for path, item in document["paths"].items()
        if "/salve.dev/v1alpha1/" in path and "/watch/" not in path})


@case("OpenAPI v3: what each method is of")
def _(api):
    found = {}
    for path, item in _document(api)["paths"].items():
        for method in ("get", "put", "post", "patch", "delete"):
            if method in item and "/watch/" not in path:
                found[f"{method} {path}"] = [item[method].get("x-kubernetes-group-version-kind"),
                                             item[method].get("x-kubernetes-action")]
    api.note("methods", found)


@case("OpenAPI v3: the parameters that kubectl looks for")
def _(api):
    found = {}
    for path, item in _document(api)["paths"].items():
        for method in ("put", "post", "patch", "delete"):
            if method in item:
                names = {p.get("name") for p in item[method].get("parameters", [])}
                found[f"{method} {path}"] = sorted(names & {"dryRun", "fieldManager", "fieldValidation", "force"})
    api.note("parameters", found)


@case("OpenAPI v3: the types of patches")
def _(api):
    api.note("types", {path: sorted(item["patch"]["requestBody"]["content"])
                       for path, item in _document(api)["paths"].items() if "patch" in item})


def _mine(document):
    return {name: schema for name, schema in document["components"]["schemas"].items()
            if name.startswith("dev.salve.")}


@case("OpenAPI v3: the schemas of our kinds")
def _(api):
    schemas = _mine(_document(api))
    api.note("names", sorted(schemas))
    for name, schema in sorted(schemas.items()):
        if name.endswith("List"):
            continue
        for key in ("apiVersion", "kind", "metadata"):  # in the server's own words
            schema["properties"].pop(key)
        api.note(name, schema)


@case("OpenAPI v3: the lists of our kinds")
def _(api):
    for name, schema in sorted(_mine(_document(api)).items()):
        if name.endswith("List"):
            api.note(name, [schema.get("type"), schema.get("required"), sorted(schema["properties"]),
                            schema.get("x-kubernetes-group-version-kind")])


@case("OpenAPI v3 of a group that is none is 404")
def _(api):
    api.note("code", api.get("/openapi/v3/apis/nonsense.example/v1", quiet=True).code)


@case("the version is one that clients can read")
def _(api):
    body = api.get("/version", quiet=True).json
    api.note("version", [sorted(set(body) & {"major", "minor", "gitVersion", "platform", "goVersion"}),
                         body["gitVersion"].split(".")[0], body["major"]])


@case("health is told in a word")
def _(api):
    for path in ("/healthz", "/livez", "/readyz"):
        api.get(path)
