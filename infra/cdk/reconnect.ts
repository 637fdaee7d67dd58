import { join } from 'node:path';
import { Stack, type StackProps } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';

export interface ReconnectProps extends StackProps {
  /** Folder with the built functions, each in a folder of its name: what `just build` makes. */
  readonly code: string;
  /** Values of the template's parameters, by name. Left out, `cdk deploy --parameters` or the defaults give them. */
  readonly parameters?: Record<string, string>;
}

/**
 * Everything that `infra/template.yaml` describes, and nothing beside it. `template` gives its resources to the rest of an app:
 * `reconnect.template.getResource('EventBus')`.
 *
 * It includes what SAM makes of the template. The SAM constructs of the CDK are generated from an older description of SAM, and refuse
 * what they do not know.
 */
export class Reconnect extends Stack {
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: ReconnectProps) {
    super(scope, id, props);
    this.template = new CfnInclude(this, 'Template', {
      templateFile: join(__dirname, 'template.json'),
      parameters: props.parameters ?? {},
    });
    for (const child of this.template.node.children) {
      if (child instanceof CfnFunction) {
        // Where `sam deploy` would have put the code, the transformed template has the function's name.
        const name = (child.code as CfnFunction.CodeProperty).s3Key as string;
        const asset = new Asset(this, `Code-${name}`, { path: join(props.code, name) });
        child.code = { s3Bucket: asset.s3BucketName, s3Key: asset.s3ObjectKey };
      }
    }
  }
}
