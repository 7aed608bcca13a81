# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What users run Salve by on ECS, and the rights that it asks for.

readonly template=$SALVE_ROOT/manifests/aws/salve.yaml

is_linted() {
  local lint
  lint=$("$here/tools" cfn-lint) || skip "there is no cfn-lint, and it could not be installed"
  must "$lint" "$template"
}
case_ "the template for Salve on ECS has nothing that cfn-lint objects to" is_linted

# moto ARGUMENT…: the AWS CLI on this case's moto.
moto() {
  (
    set -a
    # shellcheck source=/dev/null
    . "$dir/moto/moto.env"
    AWS_PAGER='' timeout $((patience + 10)) "$aws_cli" "$@"
  )
}

is_created() {
  "$SALVE_ROOT/hack/moto-up" "$dir/moto" || skip "there is no moto, and it could not be installed"
  trap '"$SALVE_ROOT/hack/moto-down" "$dir/moto"' EXIT
  local vpc subnets
  must moto ecs create-cluster --cluster-name tools
  vpc=$(moto ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text)
  read -ra subnets <<<"$(moto ec2 describe-subnets --query 'Subnets[:2].SubnetId' --output text)"
  local arn=arn:aws:ecs:eu-central-1:123456789012
  must moto cloudformation create-stack --stack-name salve --capabilities CAPABILITY_IAM --template-body "file://$template" \
    --parameters "ParameterKey=VpcId,ParameterValue=$vpc" "ParameterKey=SubnetA,ParameterValue=${subnets[0]}" \
    "ParameterKey=SubnetB,ParameterValue=${subnets[1]}" ParameterKey=Cluster,ParameterValue=tools \
    ParameterKey=Image,ParameterValue=salve:0.1.0 ParameterKey=HealedCluster,ParameterValue=demo \
    "ParameterKey=HealedServiceArns,ParameterValue='$arn:service/demo/web,$arn:service/demo/api'" \
    "ParameterKey=HealedTaskDefinitionArns,ParameterValue=$arn:task-definition/web:*" \
    "ParameterKey=HealedLogGroupArns,ParameterValue=arn:aws:logs:eu-central-1:123456789012:log-group:/demo:*" \
    ParameterKey=HealedRoleArns,ParameterValue=arn:aws:iam::123456789012:role/demo \
    ParameterKey=SecretsPrefix,ParameterValue=/salve
  same "stack" CREATE_COMPLETE "$(moto cloudformation describe-stacks --stack-name salve --query 'Stacks[0].StackStatus' --output text)"
  local service
  service=$(moto cloudformation describe-stacks --stack-name salve --query "Stacks[0].Outputs[?OutputKey=='ServiceArn'].OutputValue" --output text)
  # moto keeps nothing of DeploymentConfiguration; cfn-lint has looked at it.
  same "service" "1 ACTIVE" "$(moto ecs describe-services --cluster tools --services "$service" --output text \
    --query 'services[0].[desiredCount, status]' | tr '\t' ' ')"
  local family
  family=$(moto ecs describe-services --cluster tools --services "$service" --query 'services[0].taskDefinition' --output text)
  says "$(moto ecs describe-task-definition --task-definition "$family")" '"name": "configure"' '"name": "salve"' /var/lib/salve salve/configuration \
    '"awslogs-group"' healthz
  local role
  role=$(moto cloudformation list-stack-resources --stack-name salve --output text \
    --query "StackResourceSummaries[?LogicalResourceId=='TaskRole'].PhysicalResourceId")
  says "$(moto iam get-role-policy --role-name "$role" --policy-name heal --query PolicyDocument --output json)" \
    "$arn:service/demo/web" "$arn:service/demo/api" ecs:UpdateService
  says "$(moto iam get-role-policy --role-name "$role" --policy-name secrets --query PolicyDocument --output json)" \
    ":parameter/salve/*" ":secret:/salve/*"
  says "$(moto ssm get-parameter --name /salve/configuration --query Parameter.Value --output text)" \
    "policyPrefix: /salve/policies"
}
case_ "the template becomes a stack: one task, replaced one after the other, with its data and its rights" is_created

same_rights() { must "$here/iam_check.py" documents; }
case_ "the rights in docs/iam-policy.md and in the template are those of the calls in the code" same_rights

# Once all others have run: their servers wrote down every call, and enforced that policy.
all_rights_used() {
  if [ ! -x "$salve" ] || [ -n "$pattern" ]; then skip "not every case has run"; fi
  # Where salve.yaml is, Salve made the calls; elsewhere the AWS CLI with its key.
  local file records=()
  for file in "$work"/*/salve.yaml; do records+=("${file%/*}/ecs/calls.jsonl"); done
  must "$here/iam_check.py" calls "${records[@]}"
}
case_alone "every call of all these cases was granted by docs/iam-policy.md, and every right of it was used" all_rights_used
