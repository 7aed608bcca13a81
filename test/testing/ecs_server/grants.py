# SPDX-License-Identifier: Apache-2.0
"""Which right each call needs, on which resource, as AWS's Service Authorization Reference lists them."""
from model import ACCOUNT, arn


def _cluster_name(request):
    return (request.get("cluster") or "default").split(":cluster/")[-1]


def _in_cluster(region, kind, request, name):
    return arn(region, f"{kind}/{_cluster_name(request)}/{name.split('/')[-1]}")


def needed(service, operation, request, region):
    """[(action, resource, context)]: all of them are needed."""
    if service == "logs":
        group = request.get("logGroupName", "*")
        return [(f"logs:{operation}", arn(region, f"log-group:{group}:log-stream:", "logs"), {})]
    if service == "application-autoscaling":
        return [(f"application-autoscaling:{operation}", "*", {})]
    if service == "elasticloadbalancing":
        return [(f"elasticloadbalancing:{operation}", "*", {})]
    action = f"ecs:{operation}"
    cluster = arn(region, f"cluster/{_cluster_name(request)}")
    context = {"ecs:cluster": cluster}
    if operation == "DescribeServices":
        return [(action, _in_cluster(region, "service", request, s), context)
                for s in request.get("services", [])]
    if operation in ("UpdateService", "DeleteService"):
        return [(action, _in_cluster(region, "service", request, request.get("service", "")), context)]
    if operation == "CreateService":
        return [(action, _in_cluster(region, "service", request, request.get("serviceName", "")), context)]
    if operation == "ListServiceDeployments":
        return [(action, _in_cluster(region, "service", request, request.get("service", "")), context)]
    if operation == "DescribeServiceRevisions":
        return [(action, name, {}) for name in request.get("serviceRevisionArns", [])]
    if operation == "DescribeTasks":
        return [(action, _in_cluster(region, "task", request, t), context) for t in request.get("tasks", [])]
    if operation == "StopTask":
        return [(action, _in_cluster(region, "task", request, request.get("task", "")), context)]
    if operation == "ListTasks":
        return [(action, arn(region, f"container-instance/{_cluster_name(request)}/any"), context)]
    if operation == "DescribeClusters":
        return [(action, _in_cluster(region, "cluster", {}, c).replace("cluster/default/", "cluster/"), {})
                for c in request.get("clusters") or ["default"]]
    if operation == "ListServices":
        return [(action, "*", context)]
    if operation == "RegisterTaskDefinition":
        roles = {request[k] for k in ("taskRoleArn", "executionRoleArn") if request.get(k)}
        revision = arn(region, f"task-definition/{request.get('family', '')}:*")
        tagging = [("ecs:TagResource", revision, {})] if request.get("tags") else []
        return [(action, revision, {}), *tagging] + [
            ("iam:PassRole", role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}",
             {"iam:PassedToService": "ecs-tasks.amazonaws.com"}) for role in sorted(roles)]
    # DescribeTaskDefinition, DeregisterTaskDefinition, ListTaskDefinitions, …: no resource can be named.
    return [(action, "*", {})]
